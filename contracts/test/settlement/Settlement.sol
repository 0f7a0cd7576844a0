// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {OptimismPortal2} from "../../src/L1/OptimismPortal2.sol";
import {SuperchainConfig} from "../../src/L1/SuperchainConfig.sol";
import {SystemConfig} from "../../src/L1/SystemConfig.sol";
import {IResourceMetering} from "../../src/L1/interfaces/IResourceMetering.sol";
import {AnchorStateRegistry} from "../../src/dispute/AnchorStateRegistry.sol";
import {DelayedWETH} from "../../src/dispute/DelayedWETH.sol";
import {DisputeGameFactory} from "../../src/dispute/DisputeGameFactory.sol";
import {InterimDisputeGame} from "../../src/dispute/InterimDisputeGame.sol";
import {IAnchorStateRegistry} from "../../src/dispute/interfaces/IAnchorStateRegistry.sol";
import {IDisputeGame} from "../../src/dispute/interfaces/IDisputeGame.sol";
import {Types} from "../../src/libraries/Types.sol";
import {Proxy} from "../../src/universal/Proxy.sol";
import {ProxyAdmin} from "../../src/universal/ProxyAdmin.sol";
import {Test} from "../Test.sol";
import {TrieBuilder} from "./TrieBuilder.sol";

/// @title Settlement
/// @notice Base of the tests of settlement: all its contracts behind their proxies, as a deployment
/// leaves them, and an L2 that consists of the storage trie of its message passer.
abstract contract Settlement is Test {
    address internal constant OWNER = address(0x0117e1);
    address internal constant GUARDIAN = address(0x6a4d1a);
    address internal constant PROPOSER = address(0x9409053);
    address internal constant USER = address(0x05e4);

    uint32 internal constant GAME_TYPE = 100;
    uint256 internal constant PAUSE_EXPIRY = 90 days;
    uint256 internal constant MATURITY_DELAY = 7 days;
    uint256 internal constant FINALITY_DELAY = 3.5 days;
    uint256 internal constant WETH_DELAY = 7 days;
    uint64 internal constant CLOCK = 3 days;
    uint256 internal constant BOND = 0.08 ether;
    uint256 internal constant L2_CHAIN_ID = 901;
    bytes32 internal constant ANCHOR_ROOT = keccak256("anchor");
    uint256 internal constant ANCHOR_NUMBER = 10;

    ProxyAdmin internal admin;
    SuperchainConfig internal superchain;
    SystemConfig internal config;
    OptimismPortal2 internal portal;
    DisputeGameFactory internal factory;
    AnchorStateRegistry internal registry;
    DelayedWETH internal weth;
    InterimDisputeGame internal gameImplementation;

    function setUp() public virtual {
        vm.warp(1_700_000_000);
        vm.roll(1000);
        admin = new ProxyAdmin(OWNER);
        superchain = SuperchainConfig(_proxy());
        config = SystemConfig(_proxy());
        portal = OptimismPortal2(payable(_proxy()));
        factory = DisputeGameFactory(_proxy());
        registry = AnchorStateRegistry(_proxy());
        weth = DelayedWETH(payable(_proxy()));
        vm.startPrank(OWNER);
        _install(
            address(superchain),
            address(new SuperchainConfig(PAUSE_EXPIRY)),
            abi.encodeCall(SuperchainConfig.initialize, (GUARDIAN))
        );
        _install(
            address(config),
            address(new SystemConfig()),
            abi.encodeCall(SystemConfig.initialize, (_initialConfig()))
        );
        _install(
            address(factory),
            address(new DisputeGameFactory()),
            abi.encodeCall(DisputeGameFactory.initialize, (OWNER))
        );
        _install(
            address(weth),
            address(new DelayedWETH(WETH_DELAY)),
            abi.encodeCall(DelayedWETH.initialize, (OWNER, config))
        );
        _installPortal();
        _installRegistry();
        gameImplementation =
            new InterimDisputeGame(GAME_TYPE, CLOCK, weth, registry, L2_CHAIN_ID, PROPOSER);
        factory.setImplementation(GAME_TYPE, gameImplementation);
        factory.setInitBond(GAME_TYPE, BOND);
        vm.stopPrank();
        // The registry retires what was created until now.
        _pass(1);
        vm.deal(PROPOSER, 1000 ether);
        vm.deal(USER, 1000 ether);
    }

    function _installPortal() private {
        address implementation =
            address(new OptimismPortal2(config, superchain, registry, factory, MATURITY_DELAY));
        _install(address(portal), implementation, abi.encodeCall(OptimismPortal2.initialize, ()));
    }

    function _installRegistry() private {
        address implementation = address(
            new AnchorStateRegistry(config, superchain, factory, address(portal), FINALITY_DELAY)
        );
        IAnchorStateRegistry.Proposal memory anchor =
            IAnchorStateRegistry.Proposal({root: ANCHOR_ROOT, l2SequenceNumber: ANCHOR_NUMBER});
        _install(
            address(registry),
            implementation,
            abi.encodeCall(AnchorStateRegistry.initialize, (anchor, GAME_TYPE))
        );
    }

    function _initialConfig() internal view returns (SystemConfig.InitialConfig memory) {
        return SystemConfig.InitialConfig({
            owner: OWNER,
            basefeeScalar: 1368,
            blobbasefeeScalar: 810_949,
            batcherHash: bytes32(uint256(0xba7c4e4)),
            gasLimit: 30_000_000,
            unsafeBlockSigner: address(0x519e4),
            eip1559Denominator: 250,
            eip1559Elasticity: 6,
            operatorFeeScalar: 11,
            operatorFeeConstant: 22,
            batchInbox: address(0x1b08),
            l2ChainId: L2_CHAIN_ID,
            superchainConfig: superchain,
            resourceConfig: _resourceConfig(),
            addresses: SystemConfig.Addresses({
                l1CrossDomainMessenger: address(0xc0d),
                l1ERC721Bridge: address(0x721),
                l1StandardBridge: address(0x57a),
                optimismPortal: address(portal),
                optimismMintableERC20Factory: address(0x20fac),
                disputeGameFactory: address(factory)
            })
        });
    }

    /// @dev The parameters that the OP Stack specs name for the guaranteed gas market.
    function _resourceConfig() internal pure returns (IResourceMetering.ResourceConfig memory) {
        return IResourceMetering.ResourceConfig({
            maxResourceLimit: 20_000_000,
            elasticityMultiplier: 10,
            baseFeeMaxChangeDenominator: 8,
            minimumBaseFee: 1 gwei,
            systemTxMaxGas: 1_000_000,
            maximumBaseFee: type(uint128).max
        });
    }

    function _proxy() internal returns (address) {
        return address(new Proxy(address(admin)));
    }

    function _install(address proxy, address implementation, bytes memory data) internal {
        admin.upgradeAndCall(payable(proxy), implementation, data);
    }

    /// @dev Lets time pass, with a block every twelve seconds.
    function _pass(uint256 duration) internal {
        vm.warp(block.timestamp + duration);
        vm.roll(block.number + 1 + duration / 12);
    }

    /// @dev A withdrawal of an amount to a target.
    function _withdrawal(uint256 nonce, address target, uint256 value)
        internal
        pure
        returns (Types.WithdrawalTransaction memory)
    {
        return Types.WithdrawalTransaction({
            nonce: (uint256(1) << 240) | nonce,
            sender: USER,
            target: target,
            value: value,
            gasLimit: 50_000,
            data: ""
        });
    }

    function _hash(Types.WithdrawalTransaction memory transaction) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                transaction.nonce,
                transaction.sender,
                transaction.target,
                transaction.value,
                transaction.gasLimit,
                transaction.data
            )
        );
    }

    /// @dev Path of a withdrawal in the message passer's storage trie.
    function _path(Types.WithdrawalTransaction memory transaction) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(abi.encode(_hash(transaction), uint256(0)))));
    }

    /// @dev The message passer's storage with the withdrawal, others that fill its root, and the
    /// counter, which shares the path's first nibble.
    function _storage(Types.WithdrawalTransaction memory transaction)
        internal
        pure
        returns (TrieBuilder.Entry[] memory entries)
    {
        bytes32 path = _path(transaction);
        entries = new TrieBuilder.Entry[](17);
        for (uint256 i = 0; i < 16; ++i) {
            bytes32 other = keccak256(abi.encode(path, i)) >> 4;
            entries[i] = TrieBuilder.Entry({path: bytes32(i << 252) | other, value: hex"01"});
        }
        entries[uint256(path) >> 252].path = path;
        entries[16] =
            TrieBuilder.Entry({path: path ^ bytes32(uint256(1) << 251), value: hex"820400"});
    }

    /// @dev An output that includes the withdrawal, and the withdrawal's proof.
    function _output(Types.WithdrawalTransaction memory transaction)
        internal
        pure
        returns (Types.OutputRootProof memory output, bytes[] memory proof)
    {
        TrieBuilder.Entry[] memory entries = _storage(transaction);
        output = _outputWith(TrieBuilder.root(entries));
        proof = TrieBuilder.prove(entries, _path(transaction));
    }

    function _outputWith(bytes32 storageRoot) internal pure returns (Types.OutputRootProof memory) {
        return Types.OutputRootProof({
            version: 0,
            stateRoot: keccak256("state"),
            messagePasserStorageRoot: storageRoot,
            latestBlockhash: keccak256("block")
        });
    }

    function _outputRoot(Types.OutputRootProof memory output) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                output.version,
                output.stateRoot,
                output.messagePasserStorageRoot,
                output.latestBlockhash
            )
        );
    }

    /// @dev Proposes an output; the game is the last in the factory's list.
    function _propose(bytes32 root, uint256 l2Block) internal returns (InterimDisputeGame) {
        vm.prank(PROPOSER);
        IDisputeGame game = factory.create{value: BOND}(GAME_TYPE, root, abi.encode(l2Block));
        return InterimDisputeGame(address(game));
    }

    /// @dev Proposes an output that includes the withdrawal and proves it there as USER.
    function _proposeAndProve(Types.WithdrawalTransaction memory transaction, uint256 l2Block)
        internal
        returns (InterimDisputeGame game)
    {
        (Types.OutputRootProof memory output, bytes[] memory proof) = _output(transaction);
        game = _propose(_outputRoot(output), l2Block);
        _pass(12);
        uint256 index = factory.gameCount() - 1;
        vm.prank(USER);
        portal.proveWithdrawalTransaction(transaction, index, output, proof);
    }

    /// @dev Everything until the withdrawal can be finalized.
    function _ripen(Types.WithdrawalTransaction memory transaction, uint256 l2Block)
        internal
        returns (InterimDisputeGame game)
    {
        game = _proposeAndProve(transaction, l2Block);
        _pass(CLOCK);
        game.resolve();
        _pass(MATURITY_DELAY + 1);
    }

    /// @dev Puts ether into the portal, as deposits do.
    function _fund(uint256 amount) internal {
        vm.deal(address(this), address(this).balance + amount);
        portal.donateETH{value: amount}();
    }
}
