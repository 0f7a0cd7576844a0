// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IAnchorStateRegistry} from "../../dispute/interfaces/IAnchorStateRegistry.sol";
import {IDisputeGame} from "../../dispute/interfaces/IDisputeGame.sol";
import {IDisputeGameFactory} from "../../dispute/interfaces/IDisputeGameFactory.sol";
import {Types} from "../../libraries/Types.sol";
import {ISuperchainConfig} from "./ISuperchainConfig.sol";
import {ISystemConfig} from "./ISystemConfig.sol";

/// @title IOptimismPortal2
/// @notice The door between L1 and L2: deposits go in, proven withdrawals come out.
interface IOptimismPortal2 {
    /// @notice A deposit. The form of opaqueData depends on version.
    event TransactionDeposited(
        address indexed from, address indexed to, uint256 indexed version, bytes opaqueData
    );

    /// @notice A withdrawal was proven.
    event WithdrawalProven(
        bytes32 indexed withdrawalHash, address indexed from, address indexed to
    );

    /// @notice Who proved it; goes with every WithdrawalProven.
    event WithdrawalProvenExtension1(
        bytes32 indexed withdrawalHash, address indexed proofSubmitter
    );

    /// @notice A withdrawal was finalized. Its call on L1 may have failed all the same.
    event WithdrawalFinalized(bytes32 indexed withdrawalHash, bool success);

    /**
     * @notice Deposits a transaction: it runs on L2 in the block that follows, whatever the
     * sequencer wants.
     * @param to         Target on L2; zero for a creation.
     * @param value      Wei that the transaction sends on L2; the attached ether is minted there.
     * @param gasLimit   Gas limit on L2, at least minimumGasLimit of the calldata's length.
     * @param isCreation Whether the transaction creates a contract.
     * @param data       Calldata, or the init code of a creation; 120,000 bytes at most.
     */
    function depositTransaction(
        address to,
        uint256 value,
        uint64 gasLimit,
        bool isCreation,
        bytes calldata data
    ) external payable;

    /// @notice Takes ether without depositing it.
    function donateETH() external payable;

    /**
     * @notice Proves that a withdrawal was initiated on L2. The caller's earlier proof of the same
     * withdrawal, if any, is replaced, and the delay starts anew.
     * @param transaction      The withdrawal.
     * @param disputeGameIndex Index in the factory of a game whose root claim includes it.
     * @param outputRootProof  What that root claim commits to.
     * @param withdrawalProof  Nodes of the message passer's storage trie down to the withdrawal.
     */
    function proveWithdrawalTransaction(
        Types.WithdrawalTransaction calldata transaction,
        uint256 disputeGameIndex,
        Types.OutputRootProof calldata outputRootProof,
        bytes[] calldata withdrawalProof
    ) external;

    /// @notice Finalizes a withdrawal that the caller has proven.
    function finalizeWithdrawalTransaction(Types.WithdrawalTransaction calldata transaction)
        external;

    /**
     * @notice Finalizes a withdrawal on another account's proof.
     * @param transaction    The withdrawal.
     * @param proofSubmitter Account that proved it.
     */
    function finalizeWithdrawalTransactionExternalProof(
        Types.WithdrawalTransaction calldata transaction,
        address proofSubmitter
    ) external;

    /// @notice Reverts, saying why, unless a withdrawal can be finalized on this proof now.
    function checkWithdrawal(bytes32 withdrawalHash, address proofSubmitter) external view;

    /// @notice The game that a proof rests on and when it was given, in seconds.
    function provenWithdrawals(bytes32 withdrawalHash, address proofSubmitter)
        external
        view
        returns (IDisputeGame disputeGameProxy, uint64 timestamp);

    /// @notice Whether a withdrawal was finalized.
    function finalizedWithdrawals(bytes32 withdrawalHash) external view returns (bool);

    /// @notice Number of proofs given for a withdrawal.
    function numProofSubmitters(bytes32 withdrawalHash) external view returns (uint256);

    /// @notice Who gave a proof for a withdrawal, in order; once for each proof.
    function proofSubmitters(bytes32 withdrawalHash, uint256 index) external view returns (address);

    /// @notice During a finalization the withdrawal's sender on L2, otherwise 0x…dEaD.
    function l2Sender() external view returns (address);

    /// @notice Least gas limit that a deposit with this much calldata may ask for.
    function minimumGasLimit(uint64 byteCount) external pure returns (uint64);

    /// @notice Seconds between a proof and its finalization.
    function proofMaturityDelaySeconds() external view returns (uint256);

    /// @notice Seconds between a game's resolution and the use of its result.
    function disputeGameFinalityDelaySeconds() external view returns (uint256);

    /// @notice Type of the games on which withdrawals can be proven now.
    function respectedGameType() external view returns (uint32);

    /// @notice Games created at or before this time are retired, in seconds.
    function respectedGameTypeUpdatedAt() external view returns (uint64);

    /// @notice Whether the guardian has blacklisted a game.
    function disputeGameBlacklist(IDisputeGame game) external view returns (bool);

    /// @notice The account that may pause this chain.
    function guardian() external view returns (address);

    /// @notice Whether withdrawals are paused.
    function paused() external view returns (bool);

    /// @notice Parameters of the chain.
    function systemConfig() external view returns (ISystemConfig);

    /// @notice Who may pause this chain.
    function superchainConfig() external view returns (ISuperchainConfig);

    /// @notice Judge of the games.
    function anchorStateRegistry() external view returns (IAnchorStateRegistry);

    /// @notice Where the games are listed.
    function disputeGameFactory() external view returns (IDisputeGameFactory);
}
