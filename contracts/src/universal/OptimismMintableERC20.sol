// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {Constants} from "../libraries/Constants.sol";
import {ILegacyMintableERC20} from "./interfaces/ILegacyMintableERC20.sol";
import {IOptimismMintableERC20} from "./interfaces/IOptimismMintableERC20.sol";

/**
 * @title OptimismMintableERC20
 * @notice An ERC-20 that stands for a token of the other layer. The bridge mints it when the token
 * is sent over and burns it on the way back. Permit2 may move it without an approval of its own.
 */
contract OptimismMintableERC20 is
    IOptimismMintableERC20,
    ILegacyMintableERC20,
    ERC20Permit,
    IERC165
{
    /// @notice The token on the other layer, by its older name.
    address public immutable REMOTE_TOKEN;

    /// @notice The bridge that mints and burns, by its older name.
    address public immutable BRIDGE;

    uint8 private immutable _DECIMALS;

    /// @notice The bridge minted amount for account.
    event Mint(address indexed account, uint256 amount);

    /// @notice The bridge burnt amount of account.
    event Burn(address indexed account, uint256 amount);

    /// @notice Only the bridge mints and burns.
    error OnlyBridge();

    modifier onlyBridge() {
        if (msg.sender != BRIDGE) revert OnlyBridge();
        _;
    }

    /**
     * @param bridge_      The bridge that mints and burns.
     * @param remoteToken_ The token on the other layer.
     * @param name_        Name, for display.
     * @param symbol_      Symbol, for display.
     * @param decimals_    Decimal places, for display; those of the remote token.
     */
    constructor(
        address bridge_,
        address remoteToken_,
        string memory name_,
        string memory symbol_,
        uint8 decimals_
    ) ERC20(name_, symbol_) ERC20Permit(name_) {
        REMOTE_TOKEN = remoteToken_;
        BRIDGE = bridge_;
        _DECIMALS = decimals_;
    }

    /**
     * @notice Mints. Only the bridge may.
     * @param to     Who gets the tokens.
     * @param amount How many.
     */
    function mint(address to, uint256 amount)
        external
        override(IOptimismMintableERC20, ILegacyMintableERC20)
        onlyBridge
    {
        _mint(to, amount);
        emit Mint(to, amount);
    }

    /**
     * @notice Burns. Only the bridge may, and does so for the owner alone.
     * @param from   Who loses the tokens.
     * @param amount How many.
     */
    function burn(address from, uint256 amount)
        external
        override(IOptimismMintableERC20, ILegacyMintableERC20)
        onlyBridge
    {
        _burn(from, amount);
        emit Burn(from, amount);
    }

    /**
     * @notice Raises an allowance, as tokens of this kind always could.
     * @param spender    Who may spend.
     * @param addedValue How much more.
     */
    function increaseAllowance(address spender, uint256 addedValue) external returns (bool) {
        _approve(msg.sender, spender, allowance(msg.sender, spender) + addedValue);
        return true;
    }

    /**
     * @notice Lowers an allowance, as tokens of this kind always could.
     * @param spender         Who may spend.
     * @param subtractedValue How much less.
     */
    function decreaseAllowance(address spender, uint256 subtractedValue) external returns (bool) {
        _approve(msg.sender, spender, allowance(msg.sender, spender) - subtractedValue);
        return true;
    }

    /// @notice The token on the other layer, by its oldest name.
    function l1Token() external view returns (address) {
        return REMOTE_TOKEN;
    }

    /// @notice The bridge that mints and burns, by its oldest name.
    function l2Bridge() external view returns (address) {
        return BRIDGE;
    }

    /// @notice The token on the other layer.
    function remoteToken() external view returns (address) {
        return REMOTE_TOKEN;
    }

    /// @notice The bridge that mints and burns.
    function bridge() external view returns (address) {
        return BRIDGE;
    }

    /// @notice The contract that needs no approval.
    function PERMIT2() external pure returns (address) {
        return Constants.PREINSTALL_PERMIT2;
    }

    /// @notice Whether this contract has the interface with this id (ERC-165).
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId
            || interfaceId == type(ILegacyMintableERC20).interfaceId
            || interfaceId == type(IOptimismMintableERC20).interfaceId;
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.0.0";
    }

    /**
     * @notice What spender may spend of owner's tokens; Permit2 asks owners itself and may spend
     * all.
     */
    function allowance(address owner, address spender) public view override returns (uint256) {
        if (spender == Constants.PREINSTALL_PERMIT2) return type(uint256).max;
        return super.allowance(owner, spender);
    }

    /// @notice Decimal places, for display.
    function decimals() public view override returns (uint8) {
        return _DECIMALS;
    }
}
