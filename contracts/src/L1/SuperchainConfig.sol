// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ProxyAdminOwned} from "../universal/ProxyAdminOwned.sol";
import {ISuperchainConfig} from "./interfaces/ISuperchainConfig.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";

/**
 * @title SuperchainConfig
 * @notice Who may pause withdrawals, and what is paused. The guardian pauses either everything
 * (identifier zero) or one chain (identifier: its portal). A pause ends by itself, so that a
 * guardian that has lost its key or its mind cannot hold withdrawals for ever: the same identifier
 * cannot be paused again before it was unpaused (OP Stack specs, superchain configuration).
 *
 * | slot | content         |
 * |------|-----------------|
 * | 0    | guardian        |
 * | 1    | pauseTimestamps |
 */
contract SuperchainConfig is ISuperchainConfig, Initializable, ProxyAdminOwned {
    /// @notice Seconds that a pause lasts at most.
    uint256 public immutable pauseExpiry;

    /// @inheritdoc ISuperchainConfig
    address public guardian;

    /// @notice When an identifier was paused, in seconds; zero if it was not.
    mapping(address identifier => uint256) public pauseTimestamps;

    /// @notice The guardian is set. The type 0 means that.
    event ConfigUpdate(uint8 indexed updateType, bytes data);

    /// @notice An identifier was paused.
    event Paused(address identifier);

    /// @notice A pause was ended.
    event Unpaused(address identifier);

    /// @notice A pause starts anew and lasts its full time again.
    event PauseExtended(address identifier);

    /// @notice Only the guardian may do this.
    error SuperchainConfig_OnlyGuardian();

    /// @notice The identifier has been paused and not unpaused since.
    error SuperchainConfig_AlreadyPaused(address identifier);

    /// @notice The identifier has not been paused.
    error SuperchainConfig_NotAlreadyPaused(address identifier);

    modifier onlyGuardian() {
        if (msg.sender != guardian) revert SuperchainConfig_OnlyGuardian();
        _;
    }

    /// @param expiry Seconds that a pause lasts at most.
    constructor(uint256 expiry) {
        pauseExpiry = expiry;
        _disableInitializers();
    }

    /// @notice Sets the contract up, once.
    /// @param initialGuardian Account that may pause.
    function initialize(address initialGuardian) external initializer onlyProxyAdminOrOwner {
        guardian = initialGuardian;
        emit ConfigUpdate(0, abi.encode(initialGuardian));
    }

    /// @notice Pauses an identifier that is not paused. Guardian only.
    /// @param identifier A chain's portal, or zero for everything.
    function pause(address identifier) external onlyGuardian {
        if (pauseTimestamps[identifier] != 0) revert SuperchainConfig_AlreadyPaused(identifier);
        pauseTimestamps[identifier] = block.timestamp;
        emit Paused(identifier);
    }

    /// @notice Ends a pause and allows the next one. Guardian only.
    /// @param identifier A chain's portal, or zero for everything.
    function unpause(address identifier) external onlyGuardian {
        pauseTimestamps[identifier] = 0;
        emit Unpaused(identifier);
    }

    /// @notice Lets a pause last its full time from now on. Guardian only.
    /// @param identifier A chain's portal, or zero for everything.
    function extend(address identifier) external onlyGuardian {
        if (pauseTimestamps[identifier] == 0) revert SuperchainConfig_NotAlreadyPaused(identifier);
        pauseTimestamps[identifier] = block.timestamp;
        emit PauseExtended(identifier);
    }

    /// @notice Whether the identifier may be paused without being unpaused before.
    function pausable(address identifier) external view returns (bool) {
        return pauseTimestamps[identifier] == 0;
    }

    /// @notice When a pause ends by itself, in seconds; zero if there is none.
    function expiration(address identifier) external view returns (uint256) {
        uint256 timestamp = pauseTimestamps[identifier];
        return timestamp == 0 ? 0 : timestamp + pauseExpiry;
    }

    /// @inheritdoc ISuperchainConfig
    function paused() external view returns (bool) {
        return _paused(address(0));
    }

    /// @inheritdoc ISuperchainConfig
    function paused(address identifier) external view returns (bool) {
        return _paused(address(0)) || (identifier != address(0) && _paused(identifier));
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "2.0.0";
    }

    function _paused(address identifier) private view returns (bool) {
        uint256 timestamp = pauseTimestamps[identifier];
        return timestamp != 0 && block.timestamp < timestamp + pauseExpiry;
    }
}
