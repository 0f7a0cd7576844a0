// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/**
 * @title Constants
 * @notice What contracts and node must agree on. Written by scripts/constants from
 * include/viaduct/core/base/constants.def; change it there.
 */
library Constants {
    /// @notice first of the 2048 addresses set aside for predeploys
    address internal constant PREDEPLOY_BASE =
        address(bytes20(hex"4200000000000000000000000000000000000000"));

    /// @notice LegacyMessagePasser
    address internal constant LEGACY_MESSAGE_PASSER =
        address(bytes20(hex"4200000000000000000000000000000000000000"));

    /// @notice DeployerWhitelist
    address internal constant DEPLOYER_WHITELIST =
        address(bytes20(hex"4200000000000000000000000000000000000002"));

    /// @notice WETH, not behind a proxy
    address internal constant WETH =
        address(bytes20(hex"4200000000000000000000000000000000000006"));

    /// @notice L2CrossDomainMessenger
    address internal constant L2_CROSS_DOMAIN_MESSENGER =
        address(bytes20(hex"4200000000000000000000000000000000000007"));

    /// @notice GasPriceOracle
    address internal constant GAS_PRICE_ORACLE =
        address(bytes20(hex"420000000000000000000000000000000000000f"));

    /// @notice L2StandardBridge
    address internal constant L2_STANDARD_BRIDGE =
        address(bytes20(hex"4200000000000000000000000000000000000010"));

    /// @notice SequencerFeeVault, coinbase of every L2 block
    address internal constant SEQUENCER_FEE_VAULT =
        address(bytes20(hex"4200000000000000000000000000000000000011"));

    /// @notice OptimismMintableERC20Factory
    address internal constant OPTIMISM_MINTABLE_ERC20_FACTORY =
        address(bytes20(hex"4200000000000000000000000000000000000012"));

    /// @notice L1BlockNumber
    address internal constant L1_BLOCK_NUMBER =
        address(bytes20(hex"4200000000000000000000000000000000000013"));

    /// @notice L2ERC721Bridge
    address internal constant L2_ERC721_BRIDGE =
        address(bytes20(hex"4200000000000000000000000000000000000014"));

    /// @notice L1Block
    address internal constant L1_BLOCK =
        address(bytes20(hex"4200000000000000000000000000000000000015"));

    /// @notice L2ToL1MessagePasser
    address internal constant L2_TO_L1_MESSAGE_PASSER =
        address(bytes20(hex"4200000000000000000000000000000000000016"));

    /// @notice OptimismMintableERC721Factory
    address internal constant OPTIMISM_MINTABLE_ERC721_FACTORY =
        address(bytes20(hex"4200000000000000000000000000000000000017"));

    /// @notice ProxyAdmin of all predeploys
    address internal constant L2_PROXY_ADMIN =
        address(bytes20(hex"4200000000000000000000000000000000000018"));

    /// @notice BaseFeeVault
    address internal constant BASE_FEE_VAULT =
        address(bytes20(hex"4200000000000000000000000000000000000019"));

    /// @notice L1FeeVault
    address internal constant L1_FEE_VAULT =
        address(bytes20(hex"420000000000000000000000000000000000001a"));

    /// @notice OperatorFeeVault
    address internal constant OPERATOR_FEE_VAULT =
        address(bytes20(hex"420000000000000000000000000000000000001b"));

    /// @notice SchemaRegistry of the Ethereum Attestation Service
    address internal constant SCHEMA_REGISTRY =
        address(bytes20(hex"4200000000000000000000000000000000000020"));

    /// @notice Ethereum Attestation Service
    address internal constant EAS = address(bytes20(hex"4200000000000000000000000000000000000021"));

    /// @notice GovernanceToken, not behind a proxy
    address internal constant GOVERNANCE_TOKEN =
        address(bytes20(hex"4200000000000000000000000000000000000042"));

    /// @notice implementation of predeploy 0x4200...0000; the others likewise
    address internal constant CODE_NAMESPACE =
        address(bytes20(hex"c0d3c0d3c0d3c0d3c0d3c0d3c0d3c0d3c0d30000"));

    /// @notice where ether was an ERC-20 before Bedrock
    address internal constant LEGACY_ERC20_ETH =
        address(bytes20(hex"deaddeaddeaddeaddeaddeaddeaddeaddead0000"));

    /// @notice sender of the L1 attributes transaction
    address internal constant L1_ATTRIBUTES_DEPOSITOR =
        address(bytes20(hex"deaddeaddeaddeaddeaddeaddeaddeaddead0001"));

    /// @notice sender of system calls (EIP-4788, EIP-2935)
    address internal constant SYSTEM_ADDRESS =
        address(bytes20(hex"fffffffffffffffffffffffffffffffffffffffe"));

    /// @notice what the address of an L1 contract that deposits grows by
    address internal constant ALIAS_OFFSET =
        address(bytes20(hex"1111000000000000000000000000000000001111"));

    /// @notice the sender of no message: portal and messengers between two calls
    address internal constant DEFAULT_L2_SENDER =
        address(bytes20(hex"000000000000000000000000000000000000dead"));

    /// @notice origin of simulated calls, for which failure must revert
    address internal constant ESTIMATION_ADDRESS =
        address(bytes20(hex"0000000000000000000000000000000000000001"));

    /// @notice ether where a token is named
    address internal constant ETHER_TOKEN =
        address(bytes20(hex"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"));

    /// @notice EIP-4788
    address internal constant BEACON_ROOTS =
        address(bytes20(hex"000f3df6d732807ef1319fb7b8bb8522d0beac02"));

    /// @notice EIP-2935
    address internal constant HISTORY_STORAGE =
        address(bytes20(hex"0000f90827f1c53a10cb7a02335b175320002935"));

    /// @notice EIP-7002
    address internal constant WITHDRAWAL_REQUESTS =
        address(bytes20(hex"00000961ef480eb55e80d19ad83579a64c007002"));

    /// @notice EIP-7251
    address internal constant CONSOLIDATION_REQUESTS =
        address(bytes20(hex"0000bbddc7ce488642fb579f8b00f3a590007251"));

    /// @notice Safe 1.3.0
    address internal constant PREINSTALL_SAFE =
        address(bytes20(hex"69f4d1788e39c87893c980c06edf4b7f686e2938"));

    /// @notice SafeL2 1.3.0
    address internal constant PREINSTALL_SAFE_L2 =
        address(bytes20(hex"fb1bffc9d739b8d520daf37df666da4c687191ea"));

    /// @notice MultiSend 1.3.0
    address internal constant PREINSTALL_MULTI_SEND =
        address(bytes20(hex"998739bfdaadde7c933b942a68053933098f9eda"));

    /// @notice MultiSendCallOnly 1.3.0
    address internal constant PREINSTALL_MULTI_SEND_CALL_ONLY =
        address(bytes20(hex"a1dabef33b3b82c7814b6d82a79e50f4ac44102b"));

    /// @notice deterministic deployer of the Safe contracts
    address internal constant PREINSTALL_SAFE_SINGLETON_FACTORY =
        address(bytes20(hex"914d7fec6aac8cd542e72bca78b30650d45643d7"));

    /// @notice Multicall3
    address internal constant PREINSTALL_MULTICALL3 =
        address(bytes20(hex"ca11bde05977b3631167028862be2a173976ca11"));

    /// @notice Create2Deployer
    address internal constant PREINSTALL_CREATE2_DEPLOYER =
        address(bytes20(hex"13b0d85ccb8bf860b6b79af3029fca081ae9bef2"));

    /// @notice CreateX
    address internal constant PREINSTALL_CREATE_X =
        address(bytes20(hex"ba5ed099633d3b313e4d5f7bdc1305d3c28ba5ed"));

    /// @notice deterministic deployment proxy
    address internal constant PREINSTALL_DETERMINISTIC_DEPLOYER =
        address(bytes20(hex"4e59b44847b379578588920ca78fbf26c0b4956c"));

    /// @notice Permit2
    address internal constant PREINSTALL_PERMIT2 =
        address(bytes20(hex"000000000022d473030f116ddee9f6b43ac78ba3"));

    /// @notice EntryPoint 0.6 (ERC-4337)
    address internal constant PREINSTALL_ENTRY_POINT_06 =
        address(bytes20(hex"5ff137d4b0fdcd49dca30c7cf57e578a026d2789"));

    /// @notice SenderCreator of EntryPoint 0.6
    address internal constant PREINSTALL_SENDER_CREATOR_06 =
        address(bytes20(hex"7fc98430eaedbb6070b35b39d798725049088348"));

    /// @notice EntryPoint 0.7 (ERC-4337)
    address internal constant PREINSTALL_ENTRY_POINT_07 =
        address(bytes20(hex"0000000071727de22e5e9d8baf0edac6f37da032"));

    /// @notice SenderCreator of EntryPoint 0.7
    address internal constant PREINSTALL_SENDER_CREATOR_07 =
        address(bytes20(hex"efc2c1444ebcc4db75e7613d20c6a62ff67a167c"));

    /// @notice addresses set aside for predeploys
    uint256 internal constant PREDEPLOY_COUNT = 2048;

    /// @notice addresses from zero up that hold one wei from genesis
    uint256 internal constant PRECOMPILE_COUNT = 256;

    /// @notice resources of deposits and the system transaction must fit a block
    uint64 internal constant MIN_GENESIS_GAS_LIMIT = 21000000;

    /// @notice bytes of calldata in one deposit
    uint64 internal constant MAX_DEPOSIT_CALLDATA = 120000;

    /// @notice least gas limit of a deposit
    uint64 internal constant MIN_DEPOSIT_GAS = 21000;

    /// @notice and per byte of its calldata
    uint64 internal constant MIN_DEPOSIT_GAS_PER_BYTE = 40;

    /// @notice gas limit of plain ether to the portal or to the message passer
    uint64 internal constant RECEIVE_DEFAULT_GAS = 100000;

    /// @notice gas limit of the L1 attributes transaction
    uint64 internal constant SYSTEM_TX_GAS = 1000000;

    /// @notice largest block gas limit that SystemConfig accepts
    uint64 internal constant MAX_GAS_LIMIT = 500000000;

    /// @notice gas that the deposits of one L1 block can buy
    uint32 internal constant MAX_RESOURCE_LIMIT = 20000000;

    /// @notice resource limit over its target
    uint8 internal constant RESOURCE_ELASTICITY = 10;

    /// @notice bounds the change of the deposit base fee per block
    uint8 internal constant RESOURCE_BASE_FEE_DENOMINATOR = 8;

    /// @notice least deposit base fee, in wei
    uint32 internal constant RESOURCE_MIN_BASE_FEE = 1000000000;

    /// @notice user deposit
    uint256 internal constant SOURCE_USER_DEPOSIT = 0;

    /// @notice L1 attributes transaction
    uint256 internal constant SOURCE_L1_ATTRIBUTES = 1;

    /// @notice transaction of a network upgrade
    uint256 internal constant SOURCE_UPGRADE = 2;

    /// @notice form of opaqueData in TransactionDeposited
    uint256 internal constant DEPOSIT_VERSION = 0;

    /// @notice form of data in ConfigUpdate
    uint256 internal constant CONFIG_UPDATE_VERSION = 0;

    /// @notice in the top two bytes of the nonce of a withdrawal or message
    uint16 internal constant MESSAGE_VERSION = 1;

    /// @notice address of the batcher
    uint8 internal constant CONFIG_UPDATE_BATCHER = 0;

    /// @notice fee scalars
    uint8 internal constant CONFIG_UPDATE_FEE_SCALARS = 1;

    /// @notice block gas limit
    uint8 internal constant CONFIG_UPDATE_GAS_LIMIT = 2;

    /// @notice signer of unsafe blocks
    uint8 internal constant CONFIG_UPDATE_UNSAFE_BLOCK_SIGNER = 3;

    /// @notice EIP-1559 denominator and elasticity
    uint8 internal constant CONFIG_UPDATE_EIP1559_PARAMS = 4;

    /// @notice operator fee
    uint8 internal constant CONFIG_UPDATE_OPERATOR_FEE = 5;

    /// @notice least base fee (Jovian)
    uint8 internal constant CONFIG_UPDATE_MIN_BASE_FEE = 6;

    /// @notice gas per byte of data (Jovian)
    uint8 internal constant CONFIG_UPDATE_DA_FOOTPRINT_GAS_SCALAR = 7;

    /// @notice the proposer is believed after the clock unless the guardian objects
    uint32 internal constant GAME_TYPE_INTERIM = 100;

    /// @notice fault proof
    uint32 internal constant GAME_TYPE_FAULT = 101;

    /// @notice status of a game: not resolved
    uint8 internal constant GAME_IN_PROGRESS = 0;

    /// @notice status of a game: its root claim is false
    uint8 internal constant GAME_CHALLENGER_WINS = 1;

    /// @notice status of a game: its root claim stands
    uint8 internal constant GAME_DEFENDER_WINS = 2;

    /// @notice fees leave through the message passer
    uint8 internal constant WITHDRAWAL_NETWORK_L1 = 0;

    /// @notice fees are paid out on L2
    uint8 internal constant WITHDRAWAL_NETWORK_L2 = 1;

    /// @notice gas on L1 of a fee withdrawal
    uint32 internal constant FEE_WITHDRAWAL_GAS = 400000;

    /// @notice keccak256("eip1967.proxy.implementation") - 1
    bytes32 internal constant SLOT_PROXY_IMPLEMENTATION =
        0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;

    /// @notice keccak256("eip1967.proxy.admin") - 1
    bytes32 internal constant SLOT_PROXY_ADMIN =
        0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103;

    /// @notice TransactionDeposited(address,address,uint256,bytes)
    bytes32 internal constant TOPIC_TRANSACTION_DEPOSITED =
        0xb3813568d9991fc951961fcb4c784893574240a28925604d09fc577c55bb7c32;

    /// @notice ConfigUpdate(uint256,uint8,bytes)
    bytes32 internal constant TOPIC_CONFIG_UPDATE =
        0x1d2b0bda21d56b8bd12d4f94ebacffdfb35f5e226f84b461103bb8beab6353be;

    /// @notice MessagePassed(uint256,address,address,uint256,uint256,bytes,bytes32)
    bytes32 internal constant TOPIC_MESSAGE_PASSED =
        0x02a52367d10742d8032712c1bb8e0144ff1ec5ffda1ed7d70bb05a2744955054;

    /// @notice WithdrawalProven(bytes32,address,address)
    bytes32 internal constant TOPIC_WITHDRAWAL_PROVEN =
        0x67a6208cfcc0801d50f6cbe764733f4fddf66ac0b04442061a8a8c0cb6b63f62;

    /// @notice WithdrawalFinalized(bytes32,bool)
    bytes32 internal constant TOPIC_WITHDRAWAL_FINALIZED =
        0xdb5c7652857aa163daadd670e116628fb42e869d8ac4251ef8971d9e5727df1b;

    /// @notice DisputeGameCreated(address,uint32,bytes32)
    bytes32 internal constant TOPIC_DISPUTE_GAME_CREATED =
        0x5b565efe82411da98814f356d0e7bcb8f0219b8d970307c5afb4a6903a8b2e35;

    /// @notice SentMessage(address,address,bytes,uint256,uint256)
    bytes32 internal constant TOPIC_SENT_MESSAGE =
        0xcb0f7ffd78f9aee47a248fae8db181db6eee833039123e026dcbff529522e52a;

    /// @notice RelayedMessage(bytes32)
    bytes32 internal constant TOPIC_RELAYED_MESSAGE =
        0x4641df4a962071e12719d8c8c8e5ac7fc4d97b927346a3d7a335b1f7517e133c;

    /// @notice FailedRelayedMessage(bytes32)
    bytes32 internal constant TOPIC_FAILED_RELAYED_MESSAGE =
        0x99d0e048484baa1b1540b1367cb128acd7ab2946d1ed91ec10e3c85e4bf51b8f;

    /// @notice setL1BlockValuesEcotone()
    bytes4 internal constant SELECTOR_SET_L1_BLOCK_VALUES_ECOTONE = 0x440a5e20;

    /// @notice setL1BlockValuesIsthmus()
    bytes4 internal constant SELECTOR_SET_L1_BLOCK_VALUES_ISTHMUS = 0x098999be;

    /// @notice setL1BlockValuesJovian()
    bytes4 internal constant SELECTOR_SET_L1_BLOCK_VALUES_JOVIAN = 0x3db6be2b;

    /// @notice paused()
    bytes4 internal constant SELECTOR_PAUSED = 0x5c975abb;

    /// @notice depositTransaction(address,uint256,uint64,bool,bytes)
    bytes4 internal constant SELECTOR_DEPOSIT_TRANSACTION = 0xe9e05c42;

    /// @notice proveWithdrawalTransaction((uint256,address,address,uint256,uint256,bytes),uint256,(bytes32,bytes32,bytes32,bytes32),bytes[])
    bytes4 internal constant SELECTOR_PROVE_WITHDRAWAL = 0x4870496f;

    /// @notice checkWithdrawal(bytes32,address)
    bytes4 internal constant SELECTOR_CHECK_WITHDRAWAL = 0x71c1566e;

    /// @notice provenWithdrawals(bytes32,address)
    bytes4 internal constant SELECTOR_PROVEN_WITHDRAWALS = 0xbb2c727e;

    /// @notice finalizedWithdrawals(bytes32)
    bytes4 internal constant SELECTOR_FINALIZED_WITHDRAWALS = 0xa14238e7;

    /// @notice numProofSubmitters(bytes32)
    bytes4 internal constant SELECTOR_NUM_PROOF_SUBMITTERS = 0x513747ab;

    /// @notice proofSubmitters(bytes32,uint256)
    bytes4 internal constant SELECTOR_PROOF_SUBMITTERS = 0xa3860f48;

    /// @notice respectedGameType()
    bytes4 internal constant SELECTOR_RESPECTED_GAME_TYPE = 0x3c9f397c;

    /// @notice proofMaturityDelaySeconds()
    bytes4 internal constant SELECTOR_PROOF_MATURITY_DELAY_SECONDS = 0xbf653a5c;

    /// @notice disputeGameFinalityDelaySeconds()
    bytes4 internal constant SELECTOR_DISPUTE_GAME_FINALITY_DELAY_SECONDS = 0x952b2797;

    /// @notice disputeGameFactory()
    bytes4 internal constant SELECTOR_DISPUTE_GAME_FACTORY = 0xf2b4e617;

    /// @notice anchorStateRegistry()
    bytes4 internal constant SELECTOR_ANCHOR_STATE_REGISTRY = 0x5c0cba33;

    /// @notice systemConfig()
    bytes4 internal constant SELECTOR_SYSTEM_CONFIG = 0x33d7e2bd;

    /// @notice otherBridge()
    bytes4 internal constant SELECTOR_OTHER_BRIDGE = 0xc89701a2;

    /// @notice initiateWithdrawal(address,uint256,bytes)
    bytes4 internal constant SELECTOR_INITIATE_WITHDRAWAL = 0xc2b3e5ac;

    /// @notice create(uint32,bytes32,bytes)
    bytes4 internal constant SELECTOR_CREATE = 0x82ecf2f6;

    /// @notice games(uint32,bytes32,bytes)
    bytes4 internal constant SELECTOR_GAMES = 0x5f0150cb;

    /// @notice gameAtIndex(uint256)
    bytes4 internal constant SELECTOR_GAME_AT_INDEX = 0xbb8aa1fc;

    /// @notice gameCount()
    bytes4 internal constant SELECTOR_GAME_COUNT = 0x4d1975b4;

    /// @notice initBonds(uint32)
    bytes4 internal constant SELECTOR_INIT_BONDS = 0x6593dc6e;

    /// @notice findLatestGames(uint32,uint256,uint256)
    bytes4 internal constant SELECTOR_FIND_LATEST_GAMES = 0x254bd683;

    /// @notice createdAt()
    bytes4 internal constant SELECTOR_CREATED_AT = 0xcf09e0d0;

    /// @notice resolvedAt()
    bytes4 internal constant SELECTOR_RESOLVED_AT = 0x19effeb4;

    /// @notice status()
    bytes4 internal constant SELECTOR_STATUS = 0x200d2ed2;

    /// @notice rootClaim()
    bytes4 internal constant SELECTOR_ROOT_CLAIM = 0xbcef3b55;

    /// @notice l2SequenceNumber()
    bytes4 internal constant SELECTOR_L2_SEQUENCE_NUMBER = 0x99735e32;

    /// @notice resolve()
    bytes4 internal constant SELECTOR_RESOLVE = 0x2810e1d6;

    /// @notice isGameProper(address)
    bytes4 internal constant SELECTOR_IS_GAME_PROPER = 0x496b9c16;

    /// @notice isGameRespected(address)
    bytes4 internal constant SELECTOR_IS_GAME_RESPECTED = 0x04e50fed;

    /// @notice getAnchorRoot()
    bytes4 internal constant SELECTOR_GET_ANCHOR_ROOT = 0xd83ef267;

    /// @notice bridgeERC20To(address,address,address,uint256,uint32,bytes)
    bytes4 internal constant SELECTOR_BRIDGE_ERC20_TO = 0x540abf73;

    /// @notice gameCreator()
    bytes4 internal constant SELECTOR_GAME_CREATOR = 0x37b1b229;

    /// @notice credit(address)
    bytes4 internal constant SELECTOR_CREDIT = 0xd5d44d80;

    /// @notice maxClockDuration()
    bytes4 internal constant SELECTOR_MAX_CLOCK_DURATION = 0xdabd396d;

    /// @notice isGameBlacklisted(address)
    bytes4 internal constant SELECTOR_IS_GAME_BLACKLISTED = 0x34a346ea;

    /// @notice isGameRetired(address)
    bytes4 internal constant SELECTOR_IS_GAME_RETIRED = 0x5958a193;

    /// @notice finalizeWithdrawalTransactionExternalProof((uint256,address,address,uint256,uint256,bytes),address)
    bytes4 internal constant SELECTOR_FINALIZE_WITHDRAWAL_EXTERNAL_PROOF = 0x43ca1c50;

    /// @notice balanceOf(address)
    bytes4 internal constant SELECTOR_BALANCE_OF = 0x70a08231;

    /// @notice allowance(address,address)
    bytes4 internal constant SELECTOR_ALLOWANCE = 0xdd62ed3e;

    /// @notice approve(address,uint256)
    bytes4 internal constant SELECTOR_APPROVE = 0x095ea7b3;

    /// @notice remoteToken()
    bytes4 internal constant SELECTOR_REMOTE_TOKEN = 0xd6c0b2c4;

    /// @notice attack(bytes32,uint256,bytes32)
    bytes4 internal constant SELECTOR_ATTACK = 0x472777c6;

    /// @notice defend(bytes32,uint256,bytes32)
    bytes4 internal constant SELECTOR_DEFEND = 0x7b0f0adc;

    /// @notice step(uint256,bool,bytes,bytes)
    bytes4 internal constant SELECTOR_STEP = 0xd8cc1a3c;

    /// @notice addLocalData(uint256,uint256,uint256)
    bytes4 internal constant SELECTOR_ADD_LOCAL_DATA = 0xf8f43ff6;

    /// @notice challengeRootL2Block((bytes32,bytes32,bytes32,bytes32),bytes)
    bytes4 internal constant SELECTOR_CHALLENGE_ROOT_L2_BLOCK = 0x01935130;

    /// @notice resolveClaim(uint256,uint256)
    bytes4 internal constant SELECTOR_RESOLVE_CLAIM = 0x03c2924d;

    /// @notice resolvedSubgames(uint256)
    bytes4 internal constant SELECTOR_RESOLVED_SUBGAMES = 0xfe2bbeb2;

    /// @notice claimData(uint256)
    bytes4 internal constant SELECTOR_CLAIM_DATA = 0xc6f0308c;

    /// @notice claimDataLen()
    bytes4 internal constant SELECTOR_CLAIM_DATA_LEN = 0x8980e0cc;

    /// @notice claimCredit(address)
    bytes4 internal constant SELECTOR_CLAIM_CREDIT = 0x60e27464;

    /// @notice loadKeccak256PreimagePart(uint256,bytes)
    bytes4 internal constant SELECTOR_LOAD_KECCAK256_PREIMAGE_PART = 0xe1592611;

    /// @notice loadSha256PreimagePart(uint256,bytes)
    bytes4 internal constant SELECTOR_LOAD_SHA256_PREIMAGE_PART = 0x8dc4be11;

    /// @notice loadPrecompilePreimagePart(uint256,address,uint64,bytes)
    bytes4 internal constant SELECTOR_LOAD_PRECOMPILE_PREIMAGE_PART = 0xea713950;
}
