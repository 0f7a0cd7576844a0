// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Constants} from "../libraries/Constants.sol";
import {ProxyAdminOwned} from "../universal/ProxyAdminOwned.sol";
import {ISuperchainConfig} from "./interfaces/ISuperchainConfig.sol";
import {ISystemConfig} from "./interfaces/ISystemConfig.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {StorageSlot} from "@openzeppelin/contracts/utils/StorageSlot.sol";

/**
 * @title SystemConfig
 * @notice The parameters of a rollup. Nodes follow its ConfigUpdate events, so a change is in force
 * on L2 from the block that adopts the L1 block of the change (OP Stack specs, system config).
 *
 * Tools read some of the storage directly, so its layout is part of the interface:
 *
 * | slot  | content, from the least significant byte up                                  |
 * |-------|------------------------------------------------------------------------------|
 * | 0     | owner                                                                        |
 * | 101   | overhead, always zero                                                        |
 * | 102   | scalar                                                                       |
 * | 103   | batcherHash                                                                  |
 * | 104   | gasLimit (8), basefeeScalar (4), blobbasefeeScalar (4)                       |
 * | 105   | resource config: maxResourceLimit (4), elasticityMultiplier (1),             |
 * |       | baseFeeMaxChangeDenominator (1), minimumBaseFee (4), systemTxMaxGas (4),     |
 * |       | maximumBaseFee (16)                                                          |
 * | 106   | eip1559Denominator (4), eip1559Elasticity (4), operatorFeeScalar (4),        |
 * |       | operatorFeeConstant (8)                                                      |
 * | 107   | l2ChainId                                                                    |
 * | 108   | superchainConfig (20), minBaseFee (8), daFootprintGasScalar (2)              |
 * | named | unsafeBlockSigner, batchInbox, startBlock and addresses: the constants below |
 */
contract SystemConfig is ISystemConfig, Ownable, Initializable, ProxyAdminOwned {
    /**
     * @notice Contracts of the rollup on L1.
     */
    struct Addresses {
        address l1CrossDomainMessenger;
        address l1ERC721Bridge;
        address l1StandardBridge;
        address optimismPortal;
        address optimismMintableERC20Factory;
        address disputeGameFactory;
    }

    /**
     * @notice Everything that the rollup starts with; see the getters of the same names.
     */
    struct InitialConfig {
        address owner;
        uint32 basefeeScalar;
        uint32 blobbasefeeScalar;
        bytes32 batcherHash;
        uint64 gasLimit;
        address unsafeBlockSigner;
        uint32 eip1559Denominator;
        uint32 eip1559Elasticity;
        uint32 operatorFeeScalar;
        uint64 operatorFeeConstant;
        address batchInbox;
        uint256 l2ChainId;
        ISuperchainConfig superchainConfig;
        ResourceConfig resourceConfig;
        Addresses addresses;
    }

    /// @notice Form of the data in ConfigUpdate.
    uint256 public constant VERSION = Constants.CONFIG_UPDATE_VERSION;

    /// @notice Slot of unsafeBlockSigner: keccak256("systemconfig.unsafeblocksigner").
    bytes32 public constant UNSAFE_BLOCK_SIGNER_SLOT = keccak256("systemconfig.unsafeblocksigner");

    /// @notice Slot of l1CrossDomainMessenger.
    bytes32 public constant L1_CROSS_DOMAIN_MESSENGER_SLOT =
        bytes32(uint256(keccak256("systemconfig.l1crossdomainmessenger")) - 1);

    /// @notice Slot of l1ERC721Bridge.
    bytes32 public constant L1_ERC_721_BRIDGE_SLOT =
        bytes32(uint256(keccak256("systemconfig.l1erc721bridge")) - 1);

    /// @notice Slot of l1StandardBridge.
    bytes32 public constant L1_STANDARD_BRIDGE_SLOT =
        bytes32(uint256(keccak256("systemconfig.l1standardbridge")) - 1);

    /// @notice Slot of optimismPortal.
    bytes32 public constant OPTIMISM_PORTAL_SLOT =
        bytes32(uint256(keccak256("systemconfig.optimismportal")) - 1);

    /// @notice Slot of optimismMintableERC20Factory.
    bytes32 public constant OPTIMISM_MINTABLE_ERC20_FACTORY_SLOT =
        bytes32(uint256(keccak256("systemconfig.optimismmintableerc20factory")) - 1);

    /// @notice Slot of disputeGameFactory.
    bytes32 public constant DISPUTE_GAME_FACTORY_SLOT =
        bytes32(uint256(keccak256("systemconfig.disputegamefactory")) - 1);

    /// @notice Slot of batchInbox.
    bytes32 public constant BATCH_INBOX_SLOT =
        bytes32(uint256(keccak256("systemconfig.batchinbox")) - 1);

    /// @notice Slot of startBlock.
    bytes32 public constant START_BLOCK_SLOT =
        bytes32(uint256(keccak256("systemconfig.startBlock")) - 1);

    /// @dev Puts the next variable into slot 101.
    uint256[100] private _gap;

    /// @notice Parameter of the fee formula before Ecotone; always zero.
    uint256 public overhead;

    /// @notice basefeeScalar and blobbasefeeScalar in the form of Ecotone (version byte 1).
    uint256 public scalar;

    /// @notice The batcher's address, left-padded to 32 bytes.
    bytes32 public batcherHash;

    /// @notice Gas limit of L2 blocks.
    uint64 public gasLimit;

    /// @notice Scalar on L1's base fee in the L1 data fee.
    uint32 public basefeeScalar;

    /// @notice Scalar on L1's blob base fee in the L1 data fee.
    uint32 public blobbasefeeScalar;

    ResourceConfig private _resources;

    /// @notice The base fee of L2 changes by at most base fee / this per block.
    uint32 public eip1559Denominator;

    /// @notice The gas limit of L2 is this many times its target.
    uint32 public eip1559Elasticity;

    /// @notice Operator fee per gas, in millionths of a wei.
    uint32 public operatorFeeScalar;

    /// @notice Constant part of the operator fee, in wei.
    uint64 public operatorFeeConstant;

    /// @inheritdoc ISystemConfig
    uint256 public l2ChainId;

    /// @inheritdoc ISystemConfig
    ISuperchainConfig public superchainConfig;

    /// @notice Least base fee of L2, in wei; in force from Jovian on.
    uint64 public minBaseFee;

    /// @notice Gas that a byte of a transaction's data counts; in force from Jovian on, zero: 400.
    uint16 public daFootprintGasScalar;

    /// @notice A parameter has a new value.
    event ConfigUpdate(uint256 indexed version, uint8 indexed updateType, bytes data);

    /// @notice An L2 block could not hold the deposits that it must.
    error SystemConfig_GasLimitTooLow(uint64 minimum);

    /// @notice The gas limit is above what a fault proof is prepared for.
    error SystemConfig_GasLimitTooHigh(uint64 maximum);

    /// @notice Denominator and elasticity must not be zero.
    error SystemConfig_InvalidEIP1559Params();

    /// @notice The parameters of the deposit market contradict one another.
    error SystemConfig_InvalidResourceConfig();

    constructor() Ownable(address(0xdEaD)) {
        _disableInitializers();
    }

    /// @notice Sets the contract up, once, and announces all parameters.
    /// @param config What the rollup starts with.
    function initialize(InitialConfig calldata config) external initializer onlyProxyAdminOrOwner {
        _transferOwnership(config.owner);
        superchainConfig = config.superchainConfig;
        l2ChainId = config.l2ChainId;
        _setResourceConfig(config.resourceConfig);
        _setBatcherHash(config.batcherHash);
        _setGasConfigEcotone(config.basefeeScalar, config.blobbasefeeScalar);
        _setGasLimit(config.gasLimit);
        _setUnsafeBlockSigner(config.unsafeBlockSigner);
        _setEIP1559Params(config.eip1559Denominator, config.eip1559Elasticity);
        _setOperatorFeeScalars(config.operatorFeeScalar, config.operatorFeeConstant);

        _store(BATCH_INBOX_SLOT, config.batchInbox);
        _store(L1_CROSS_DOMAIN_MESSENGER_SLOT, config.addresses.l1CrossDomainMessenger);
        _store(L1_ERC_721_BRIDGE_SLOT, config.addresses.l1ERC721Bridge);
        _store(L1_STANDARD_BRIDGE_SLOT, config.addresses.l1StandardBridge);
        _store(OPTIMISM_PORTAL_SLOT, config.addresses.optimismPortal);
        _store(OPTIMISM_MINTABLE_ERC20_FACTORY_SLOT, config.addresses.optimismMintableERC20Factory);
        _store(DISPUTE_GAME_FACTORY_SLOT, config.addresses.disputeGameFactory);
        StorageSlot.getUint256Slot(START_BLOCK_SLOT).value = block.number;
    }

    /// @notice Changes the batcher. Owner only.
    /// @param newBatcherHash Its address, left-padded to 32 bytes.
    function setBatcherHash(bytes32 newBatcherHash) external onlyOwner {
        _setBatcherHash(newBatcherHash);
    }

    /// @notice Changes the scalars of the L1 data fee. Owner only.
    /// @param newBasefeeScalar     Scalar on L1's base fee.
    /// @param newBlobbasefeeScalar Scalar on L1's blob base fee.
    function setGasConfigEcotone(uint32 newBasefeeScalar, uint32 newBlobbasefeeScalar)
        external
        onlyOwner
    {
        _setGasConfigEcotone(newBasefeeScalar, newBlobbasefeeScalar);
    }

    /// @notice Changes the gas limit of L2 blocks. Owner only.
    /// @param newGasLimit Between minimumGasLimit and maximumGasLimit.
    function setGasLimit(uint64 newGasLimit) external onlyOwner {
        _setGasLimit(newGasLimit);
    }

    /// @notice Changes who signs blocks that are gossiped. Owner only.
    /// @param newSigner Its address.
    function setUnsafeBlockSigner(address newSigner) external onlyOwner {
        _setUnsafeBlockSigner(newSigner);
    }

    /// @notice Changes how the base fee of L2 moves. Owner only.
    /// @param newDenominator Not zero.
    /// @param newElasticity  Not zero.
    function setEIP1559Params(uint32 newDenominator, uint32 newElasticity) external onlyOwner {
        _setEIP1559Params(newDenominator, newElasticity);
    }

    /// @notice Changes the operator fee. Owner only.
    /// @param newScalar   Fee per gas, in millionths of a wei.
    /// @param newConstant Constant part, in wei.
    function setOperatorFeeScalars(uint32 newScalar, uint64 newConstant) external onlyOwner {
        _setOperatorFeeScalars(newScalar, newConstant);
    }

    /// @notice Changes the least base fee of L2. Owner only.
    /// @param newMinBaseFee Wei; in force from Jovian on.
    function setMinBaseFee(uint64 newMinBaseFee) external onlyOwner {
        minBaseFee = newMinBaseFee;
        _announce(Constants.CONFIG_UPDATE_MIN_BASE_FEE, abi.encode(newMinBaseFee));
    }

    /// @notice Changes what a byte of a transaction's data counts against the block. Owner only.
    /// @param newScalar Gas per byte, zero: 400; in force from Jovian on.
    function setDAFootprintGasScalar(uint16 newScalar) external onlyOwner {
        daFootprintGasScalar = newScalar;
        _announce(Constants.CONFIG_UPDATE_DA_FOOTPRINT_GAS_SCALAR, abi.encode(newScalar));
    }

    /// @inheritdoc ISystemConfig
    function resourceConfig() external view returns (ResourceConfig memory) {
        return _resources;
    }

    /// @inheritdoc ISystemConfig
    function guardian() external view returns (address) {
        return superchainConfig.guardian();
    }

    /// @inheritdoc ISystemConfig
    function paused() external view returns (bool) {
        return superchainConfig.paused(optimismPortal());
    }

    /// @inheritdoc ISystemConfig
    function owner() public view override(ISystemConfig, Ownable) returns (address) {
        return super.owner();
    }

    /// @notice Account that signs blocks which are gossiped.
    function unsafeBlockSigner() external view returns (address) {
        return _load(UNSAFE_BLOCK_SIGNER_SLOT);
    }

    /// @notice Address that the batcher sends its transactions to.
    function batchInbox() external view returns (address) {
        return _load(BATCH_INBOX_SLOT);
    }

    /// @notice L1 block in which this contract was set up.
    function startBlock() external view returns (uint256) {
        return StorageSlot.getUint256Slot(START_BLOCK_SLOT).value;
    }

    /// @notice All contracts of the rollup on L1 at once.
    function getAddresses() external view returns (Addresses memory) {
        return Addresses({
            l1CrossDomainMessenger: l1CrossDomainMessenger(),
            l1ERC721Bridge: l1ERC721Bridge(),
            l1StandardBridge: l1StandardBridge(),
            optimismPortal: optimismPortal(),
            optimismMintableERC20Factory: optimismMintableERC20Factory(),
            disputeGameFactory: disputeGameFactory()
        });
    }

    /// @notice Greatest gas limit that L2 blocks may be given.
    function maximumGasLimit() external pure returns (uint64) {
        return Constants.MAX_GAS_LIMIT;
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "3.0.0";
    }

    /// @inheritdoc ISystemConfig
    function l1CrossDomainMessenger() public view returns (address) {
        return _load(L1_CROSS_DOMAIN_MESSENGER_SLOT);
    }

    /// @inheritdoc ISystemConfig
    function l1ERC721Bridge() public view returns (address) {
        return _load(L1_ERC_721_BRIDGE_SLOT);
    }

    /// @inheritdoc ISystemConfig
    function l1StandardBridge() public view returns (address) {
        return _load(L1_STANDARD_BRIDGE_SLOT);
    }

    /// @inheritdoc ISystemConfig
    function optimismPortal() public view returns (address) {
        return _load(OPTIMISM_PORTAL_SLOT);
    }

    /// @inheritdoc ISystemConfig
    function optimismMintableERC20Factory() public view returns (address) {
        return _load(OPTIMISM_MINTABLE_ERC20_FACTORY_SLOT);
    }

    /// @inheritdoc ISystemConfig
    function disputeGameFactory() public view returns (address) {
        return _load(DISPUTE_GAME_FACTORY_SLOT);
    }

    /// @notice Least gas limit that L2 blocks may be given: room for all deposits that one L1 block
    /// can sell gas to, and for the system transaction.
    function minimumGasLimit() public view returns (uint64) {
        return uint64(_resources.maxResourceLimit) + uint64(_resources.systemTxMaxGas);
    }

    function _setBatcherHash(bytes32 newBatcherHash) private {
        batcherHash = newBatcherHash;
        _announce(Constants.CONFIG_UPDATE_BATCHER, abi.encode(newBatcherHash));
    }

    function _setGasConfigEcotone(uint32 newBasefeeScalar, uint32 newBlobbasefeeScalar) private {
        basefeeScalar = newBasefeeScalar;
        blobbasefeeScalar = newBlobbasefeeScalar;
        scalar = (uint256(1) << 248) | (uint256(newBlobbasefeeScalar) << 32) | newBasefeeScalar;
        _announce(Constants.CONFIG_UPDATE_FEE_SCALARS, abi.encode(overhead, scalar));
    }

    function _setGasLimit(uint64 newGasLimit) private {
        uint64 minimum = minimumGasLimit();
        if (newGasLimit < minimum) revert SystemConfig_GasLimitTooLow(minimum);
        if (newGasLimit > Constants.MAX_GAS_LIMIT) {
            revert SystemConfig_GasLimitTooHigh(Constants.MAX_GAS_LIMIT);
        }
        gasLimit = newGasLimit;
        _announce(Constants.CONFIG_UPDATE_GAS_LIMIT, abi.encode(newGasLimit));
    }

    function _setUnsafeBlockSigner(address newSigner) private {
        _store(UNSAFE_BLOCK_SIGNER_SLOT, newSigner);
        _announce(Constants.CONFIG_UPDATE_UNSAFE_BLOCK_SIGNER, abi.encode(newSigner));
    }

    function _setEIP1559Params(uint32 newDenominator, uint32 newElasticity) private {
        if (newDenominator == 0 || newElasticity == 0) revert SystemConfig_InvalidEIP1559Params();
        eip1559Denominator = newDenominator;
        eip1559Elasticity = newElasticity;
        uint256 packed = (uint256(newDenominator) << 32) | newElasticity;
        _announce(Constants.CONFIG_UPDATE_EIP1559_PARAMS, abi.encode(packed));
    }

    function _setOperatorFeeScalars(uint32 newScalar, uint64 newConstant) private {
        operatorFeeScalar = newScalar;
        operatorFeeConstant = newConstant;
        uint256 packed = (uint256(newScalar) << 64) | newConstant;
        _announce(Constants.CONFIG_UPDATE_OPERATOR_FEE, abi.encode(packed));
    }

    /// @dev The market divides by target and denominator, and its price can only stay between its
    /// bounds if they are in order; a denominator of one would let it fall to zero at once.
    function _setResourceConfig(ResourceConfig calldata config) private {
        if (
            config.minimumBaseFee > config.maximumBaseFee || config.baseFeeMaxChangeDenominator <= 1
                || config.elasticityMultiplier == 0
                || config.maxResourceLimit < config.elasticityMultiplier
                || config.maxResourceLimit % config.elasticityMultiplier != 0
        ) {
            revert SystemConfig_InvalidResourceConfig();
        }
        _resources = config;
    }

    function _announce(uint8 updateType, bytes memory data) private {
        emit ConfigUpdate(VERSION, updateType, data);
    }

    function _store(bytes32 slot, address value) private {
        StorageSlot.getAddressSlot(slot).value = value;
    }

    function _load(bytes32 slot) private view returns (address) {
        return StorageSlot.getAddressSlot(slot).value;
    }
}
