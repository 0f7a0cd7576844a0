// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";

import {OptimismMintableERC20} from "./OptimismMintableERC20.sol";
import {ProxyAdminOwned} from "./ProxyAdminOwned.sol";

/**
 * @title OptimismMintableERC20Factory
 * @notice Creates tokens that stand for one of the other layer; anyone may. On L2 it is the
 * predeploy at 0x4200000000000000000000000000000000000012, on L1 it stands behind a proxy.
 *
 * A token here proves nothing about its counterpart: whoever lists it checks remoteToken.
 *
 * Genesis writes slot 1 and the flag of Initializable.
 *
 * | slot | content                         |
 * |------|---------------------------------|
 * | 0    | unused                          |
 * | 1    | bridge                          |
 * | 2    | deployments                     |
 */
contract OptimismMintableERC20Factory is Initializable, ProxyAdminOwned {
    uint256 private _unused;

    /// @notice The bridge that mints and burns the tokens.
    address public bridge;

    /// @notice The remote token of each token that was created here, else zero.
    mapping(address localToken => address remoteToken) public deployments;

    /// @notice Older form of OptimismMintableERC20Created.
    event StandardL2TokenCreated(address indexed remoteToken, address indexed localToken);

    /// @notice A token was created.
    event OptimismMintableERC20Created(
        address indexed localToken, address indexed remoteToken, address deployer
    );

    /// @notice A token must stand for another one.
    error ZeroAddress();

    constructor() {
        _disableInitializers();
    }

    /**
     * @notice Sets the bridge, where genesis did not.
     * @param bridge_ The bridge that mints and burns the tokens.
     */
    function initialize(address bridge_) external initializer onlyProxyAdminOrOwner {
        bridge = bridge_;
    }

    /**
     * @notice Older form of createOptimismMintableERC20.
     * @param remoteToken The token on the other layer.
     * @param name        Name, for display.
     * @param symbol      Symbol, for display.
     */
    function createStandardL2Token(address remoteToken, string memory name, string memory symbol)
        external
        returns (address)
    {
        return createOptimismMintableERC20(remoteToken, name, symbol);
    }

    /// @notice The bridge, by its older name.
    function BRIDGE() external view returns (address) {
        return bridge;
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.0.0";
    }

    /**
     * @notice Creates a token with 18 decimal places.
     * @param remoteToken The token on the other layer.
     * @param name        Name, for display.
     * @param symbol      Symbol, for display.
     */
    function createOptimismMintableERC20(
        address remoteToken,
        string memory name,
        string memory symbol
    ) public returns (address) {
        return createOptimismMintableERC20WithDecimals(remoteToken, name, symbol, 18);
    }

    /**
     * @notice Creates a token. Its address depends on the arguments alone, so the same token cannot
     * be created twice.
     * @param remoteToken The token on the other layer.
     * @param name        Name, for display.
     * @param symbol      Symbol, for display.
     * @param decimals    Decimal places, for display; those of the remote token.
     */
    function createOptimismMintableERC20WithDecimals(
        address remoteToken,
        string memory name,
        string memory symbol,
        uint8 decimals
    ) public returns (address localToken) {
        if (remoteToken == address(0)) revert ZeroAddress();
        bytes32 salt = keccak256(abi.encode(remoteToken, name, symbol, decimals));
        localToken = address(
            new OptimismMintableERC20{salt: salt}(bridge, remoteToken, name, symbol, decimals)
        );
        deployments[localToken] = remoteToken;
        emit StandardL2TokenCreated(remoteToken, localToken);
        emit OptimismMintableERC20Created(localToken, remoteToken, msg.sender);
    }
}
