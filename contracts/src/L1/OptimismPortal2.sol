// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IAnchorStateRegistry} from "../dispute/interfaces/IAnchorStateRegistry.sol";
import {GameStatus, IDisputeGame} from "../dispute/interfaces/IDisputeGame.sol";
import {IDisputeGameFactory} from "../dispute/interfaces/IDisputeGameFactory.sol";
import {AddressAliasHelper} from "../libraries/AddressAliasHelper.sol";
import {Constants} from "../libraries/Constants.sol";
import {EOA} from "../libraries/EOA.sol";
import {Hashing} from "../libraries/Hashing.sol";
import {SafeCall} from "../libraries/SafeCall.sol";
import {Types} from "../libraries/Types.sol";
import {WithdrawalProof} from "../libraries/WithdrawalProof.sol";
import {ProxyAdminOwned} from "../universal/ProxyAdminOwned.sol";
import {ResourceMetering} from "./ResourceMetering.sol";
import {IOptimismPortal2} from "./interfaces/IOptimismPortal2.sol";
import {ISuperchainConfig} from "./interfaces/ISuperchainConfig.sol";
import {ISystemConfig} from "./interfaces/ISystemConfig.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";

/**
 * @title OptimismPortal2
 * @notice The door between L1 and L2, which holds all ether that is on L2 (OP Stack specs, deposits
 * and withdrawals).
 *
 * Ether leaves only through a withdrawal that was initiated on L2, as two independent delays show:
 * the one after its proof, and the one after the game on whose claim the proof rests was decided in
 * the claim's favour. Each withdrawal leaves once, whether its call succeeds or not.
 *
 * The contracts around it never change, so an implementation carries them as constants.
 *
 * | slot      | content                                                                 |
 * |-----------|-------------------------------------------------------------------------|
 * | 0         | params: the deposit market, see ResourceMetering                        |
 * | 1         | finalizedWithdrawals                                                    |
 * | 2         | provenWithdrawals: game (20), timestamp (8) by withdrawal and submitter |
 * | 3         | proofSubmitters                                                         |
 * | transient | sender on L2 of the withdrawal under finalization                       |
 */
contract OptimismPortal2 is IOptimismPortal2, Initializable, ProxyAdminOwned, ResourceMetering {
    /**
     * @notice A proof that a withdrawal was initiated.
     * @custom:field disputeGameProxy Game on whose claim the proof rests.
     * @custom:field timestamp        When it was given, in seconds.
     */
    struct ProvenWithdrawal {
        IDisputeGame disputeGameProxy;
        uint64 timestamp;
    }

    /// @inheritdoc IOptimismPortal2
    ISystemConfig public immutable systemConfig;

    /// @inheritdoc IOptimismPortal2
    ISuperchainConfig public immutable superchainConfig;

    /// @inheritdoc IOptimismPortal2
    IAnchorStateRegistry public immutable anchorStateRegistry;

    /// @inheritdoc IOptimismPortal2
    IDisputeGameFactory public immutable disputeGameFactory;

    /// @inheritdoc IOptimismPortal2
    uint256 public immutable proofMaturityDelaySeconds;

    /// @inheritdoc IOptimismPortal2
    mapping(bytes32 withdrawalHash => bool) public finalizedWithdrawals;

    /// @inheritdoc IOptimismPortal2
    mapping(bytes32 withdrawalHash => mapping(address submitter => ProvenWithdrawal)) public
        provenWithdrawals;

    /// @inheritdoc IOptimismPortal2
    mapping(bytes32 withdrawalHash => address[]) public proofSubmitters;

    address private transient _l2Sender;

    /// @notice A creation must not name a target; a withdrawal must not call the portal.
    error OptimismPortal_BadTarget();

    /// @notice Withdrawals are paused.
    error OptimismPortal_CallPaused();

    /// @notice The deposit carries too much calldata.
    error OptimismPortal_CalldataTooLarge();

    /// @notice The deposit asks for less gas than its calldata costs on L2.
    error OptimismPortal_GasLimitTooLow();

    /// @notice The call failed while its gas was being estimated.
    error OptimismPortal_GasEstimation();

    /// @notice The game is unknown, blacklisted or retired.
    error OptimismPortal_ImproperDisputeGame();

    /// @notice The game's type is not the respected one, or its claim was refuted.
    error OptimismPortal_InvalidDisputeGame();

    /// @notice The proof does not lead to the withdrawal.
    error OptimismPortal_InvalidMerkleProof();

    /// @notice The game claims another output root.
    error OptimismPortal_InvalidOutputRootProof();

    /// @notice A proof must be younger than its game.
    error OptimismPortal_InvalidProofTimestamp();

    /// @notice The game's claim cannot be relied on, or not yet.
    error OptimismPortal_InvalidRootClaim();

    /// @notice A withdrawal must not finalize another one.
    error OptimismPortal_NoReentrancy();

    /// @notice The delay after the proof is not over.
    error OptimismPortal_ProofNotOldEnough();

    /// @notice This account has not proven the withdrawal.
    error OptimismPortal_Unproven();

    /// @notice The withdrawal was finalized before.
    error OptimismPortal_AlreadyFinalized();

    /**
     * @param config        Parameters of the chain.
     * @param superchain    Who may pause the chain.
     * @param registry      Judge of the games.
     * @param factory       Where the games are listed.
     * @param maturityDelay Seconds between a proof and its finalization.
     */
    constructor(
        ISystemConfig config,
        ISuperchainConfig superchain,
        IAnchorStateRegistry registry,
        IDisputeGameFactory factory,
        uint256 maturityDelay
    ) {
        systemConfig = config;
        superchainConfig = superchain;
        anchorStateRegistry = registry;
        disputeGameFactory = factory;
        proofMaturityDelaySeconds = maturityDelay;
        _disableInitializers();
    }

    /// @notice Deposits the transferred ether to the sender's own address on L2.
    receive() external payable {
        depositTransaction(msg.sender, msg.value, Constants.RECEIVE_DEFAULT_GAS, false, _noData());
    }

    /// @notice Sets the contract up, once.
    function initialize() external initializer onlyProxyAdminOrOwner {
        _openMarket();
    }

    /// @inheritdoc IOptimismPortal2
    function donateETH() external payable {}

    /// @inheritdoc IOptimismPortal2
    function proveWithdrawalTransaction(
        Types.WithdrawalTransaction calldata transaction,
        uint256 disputeGameIndex,
        Types.OutputRootProof calldata outputRootProof,
        bytes[] calldata withdrawalProof
    ) external {
        _requireNotPaused();
        if (transaction.target == address(this)) revert OptimismPortal_BadTarget();

        (uint32 gameType, uint64 createdAt, IDisputeGame game) =
            disputeGameFactory.gameAtIndex(disputeGameIndex);
        if (!anchorStateRegistry.isGameProper(game)) revert OptimismPortal_ImproperDisputeGame();
        if (
            gameType != anchorStateRegistry.respectedGameType()
                || !anchorStateRegistry.isGameRespected(game)
                || game.status() == GameStatus.CHALLENGER_WINS
        ) {
            revert OptimismPortal_InvalidDisputeGame();
        }
        if (block.timestamp <= createdAt) revert OptimismPortal_InvalidProofTimestamp();
        if (Hashing.hashOutputRootProof(outputRootProof) != game.rootClaim()) {
            revert OptimismPortal_InvalidOutputRootProof();
        }

        bytes32 withdrawalHash = Hashing.hashWithdrawal(transaction);
        bytes32 storageRoot = outputRootProof.messagePasserStorageRoot;
        if (!WithdrawalProof.verify(withdrawalHash, storageRoot, withdrawalProof)) {
            revert OptimismPortal_InvalidMerkleProof();
        }

        provenWithdrawals[withdrawalHash][msg.sender] =
            ProvenWithdrawal({disputeGameProxy: game, timestamp: uint64(block.timestamp)});
        emit WithdrawalProven(withdrawalHash, transaction.sender, transaction.target);
        proofSubmitters[withdrawalHash].push(msg.sender);
        emit WithdrawalProvenExtension1(withdrawalHash, msg.sender);
    }

    /// @inheritdoc IOptimismPortal2
    function finalizeWithdrawalTransaction(Types.WithdrawalTransaction calldata transaction)
        external
    {
        finalizeWithdrawalTransactionExternalProof(transaction, msg.sender);
    }

    /// @inheritdoc IOptimismPortal2
    function numProofSubmitters(bytes32 withdrawalHash) external view returns (uint256) {
        return proofSubmitters[withdrawalHash].length;
    }

    /// @inheritdoc IOptimismPortal2
    function l2Sender() external view returns (address) {
        return _l2Sender == address(0) ? Constants.DEFAULT_L2_SENDER : _l2Sender;
    }

    /// @inheritdoc IOptimismPortal2
    function disputeGameFinalityDelaySeconds() external view returns (uint256) {
        return anchorStateRegistry.disputeGameFinalityDelaySeconds();
    }

    /// @inheritdoc IOptimismPortal2
    function respectedGameType() external view returns (uint32) {
        return anchorStateRegistry.respectedGameType();
    }

    /// @inheritdoc IOptimismPortal2
    function respectedGameTypeUpdatedAt() external view returns (uint64) {
        return anchorStateRegistry.retirementTimestamp();
    }

    /// @inheritdoc IOptimismPortal2
    function disputeGameBlacklist(IDisputeGame game) external view returns (bool) {
        return anchorStateRegistry.disputeGameBlacklist(game);
    }

    /// @inheritdoc IOptimismPortal2
    function guardian() external view returns (address) {
        return superchainConfig.guardian();
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "5.0.0";
    }

    /// @inheritdoc IOptimismPortal2
    function depositTransaction(
        address to,
        uint256 value,
        uint64 gasLimit,
        bool isCreation,
        bytes calldata data
    ) public payable metered(gasLimit) {
        if (isCreation && to != address(0)) revert OptimismPortal_BadTarget();
        if (data.length > Constants.MAX_DEPOSIT_CALLDATA) revert OptimismPortal_CalldataTooLarge();
        if (gasLimit < minimumGasLimit(uint64(data.length))) {
            revert OptimismPortal_GasLimitTooLow();
        }
        address from =
            EOA.isSenderEOA() ? msg.sender : AddressAliasHelper.applyL1ToL2Alias(msg.sender);
        bytes memory opaqueData = abi.encodePacked(msg.value, value, gasLimit, isCreation, data);
        emit TransactionDeposited(from, to, Constants.DEPOSIT_VERSION, opaqueData);
    }

    /// @inheritdoc IOptimismPortal2
    function finalizeWithdrawalTransactionExternalProof(
        Types.WithdrawalTransaction calldata transaction,
        address proofSubmitter
    ) public {
        _requireNotPaused();
        if (_l2Sender != address(0)) revert OptimismPortal_NoReentrancy();
        if (transaction.target == address(this)) revert OptimismPortal_BadTarget();

        bytes32 withdrawalHash = Hashing.hashWithdrawal(transaction);
        checkWithdrawal(withdrawalHash, proofSubmitter);

        finalizedWithdrawals[withdrawalHash] = true;
        _l2Sender = transaction.sender;
        bool success = SafeCall.callWithMinGas(
            transaction.target, transaction.gasLimit, transaction.value, transaction.data
        );
        _l2Sender = address(0);
        emit WithdrawalFinalized(withdrawalHash, success);

        // Wallets estimate gas from this origin, and the estimate of a failed call would be too low.
        if (!success && tx.origin == Constants.ESTIMATION_ADDRESS) {
            revert OptimismPortal_GasEstimation();
        }
    }

    /// @inheritdoc IOptimismPortal2
    function checkWithdrawal(bytes32 withdrawalHash, address proofSubmitter) public view {
        if (finalizedWithdrawals[withdrawalHash]) revert OptimismPortal_AlreadyFinalized();
        ProvenWithdrawal memory proven = provenWithdrawals[withdrawalHash][proofSubmitter];
        if (proven.timestamp == 0) revert OptimismPortal_Unproven();
        if (proven.timestamp <= proven.disputeGameProxy.createdAt()) {
            revert OptimismPortal_InvalidProofTimestamp();
        }
        if (block.timestamp - proven.timestamp <= proofMaturityDelaySeconds) {
            revert OptimismPortal_ProofNotOldEnough();
        }
        // That the game is registered was checked when the withdrawal was proven.
        if (!anchorStateRegistry.isRegisteredGameClaimValid(proven.disputeGameProxy)) {
            revert OptimismPortal_InvalidRootClaim();
        }
    }

    /// @inheritdoc IOptimismPortal2
    function paused() public view returns (bool) {
        return superchainConfig.paused(address(this));
    }

    /// @inheritdoc IOptimismPortal2
    function minimumGasLimit(uint64 byteCount) public pure returns (uint64) {
        return Constants.MIN_DEPOSIT_GAS + Constants.MIN_DEPOSIT_GAS_PER_BYTE * byteCount;
    }

    function _requireNotPaused() private view {
        if (paused()) revert OptimismPortal_CallPaused();
    }

    /// @dev Calldata of a transfer, which the receive function may not name.
    function _noData() private pure returns (bytes calldata) {
        return msg.data[:0];
    }

    function _resourceConfig() internal view override returns (ResourceConfig memory) {
        return systemConfig.resourceConfig();
    }
}
