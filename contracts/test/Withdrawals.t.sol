// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {OptimismPortal2} from "../src/L1/OptimismPortal2.sol";
import {AnchorStateRegistry} from "../src/dispute/AnchorStateRegistry.sol";
import {InterimDisputeGame} from "../src/dispute/InterimDisputeGame.sol";
import {IAnchorStateRegistry} from "../src/dispute/interfaces/IAnchorStateRegistry.sol";
import {GameStatus, IDisputeGame} from "../src/dispute/interfaces/IDisputeGame.sol";
import {Hashing} from "../src/libraries/Hashing.sol";
import {MerkleTrie} from "../src/libraries/MerkleTrie.sol";
import {SafeCall} from "../src/libraries/SafeCall.sol";
import {Types} from "../src/libraries/Types.sol";
import {WithdrawalProof} from "../src/libraries/WithdrawalProof.sol";
import {Settlement} from "./settlement/Settlement.sol";
import {TrieBuilder} from "./settlement/TrieBuilder.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";

/// Gives the libraries' functions the calldata that they read from.
contract Hasher {
    function withdrawal(Types.WithdrawalTransaction calldata transaction)
        external
        pure
        returns (bytes32)
    {
        return Hashing.hashWithdrawal(transaction);
    }

    function output(Types.OutputRootProof calldata proof) external pure returns (bytes32) {
        return Hashing.hashOutputRootProof(proof);
    }
}

/// A target that records what it sees, and fails on demand.
contract Target {
    OptimismPortal2 private immutable PORTAL;
    address public seenSender;
    uint256 public gasSeen;
    uint256 public calls;
    bool public broken;

    constructor(OptimismPortal2 portal) {
        PORTAL = portal;
    }

    function setBroken(bool value) external {
        broken = value;
    }

    function act() external payable {
        gasSeen = gasleft();
        require(!broken);
        seenSender = PORTAL.l2Sender();
        ++calls;
    }
}

/// A target that tries to finalize from within a finalization.
contract Reentrant {
    OptimismPortal2 private immutable PORTAL;
    bytes private _calldata;
    bytes public result;

    constructor(OptimismPortal2 portal) {
        PORTAL = portal;
    }

    function arm(bytes calldata data) external {
        _calldata = data;
    }

    function act() external payable {
        (, result) = address(PORTAL).call(_calldata);
    }
}

/// A target that answers with more than anyone wants to pay for.
contract ReturnBomb {
    function act() external payable {
        assembly {
            return(0, 1000000)
        }
    }
}

contract WithdrawalsTest is Settlement {
    event WithdrawalProven(
        bytes32 indexed withdrawalHash, address indexed from, address indexed to
    );
    event WithdrawalProvenExtension1(
        bytes32 indexed withdrawalHash, address indexed proofSubmitter
    );
    event WithdrawalFinalized(bytes32 indexed withdrawalHash, bool success);

    address private constant RECIPIENT = address(0x4ec1);
    uint256 private constant NUMBER = ANCHOR_NUMBER + 5;

    Types.WithdrawalTransaction private withdrawal;
    Types.OutputRootProof private output;
    bytes[] private proof;

    function setUp() public override {
        super.setUp();
        _fund(100 ether);
        withdrawal = _withdrawal(7, RECIPIENT, 1 ether);
        (output, proof) = _output(withdrawal);
    }

    // Interface.

    function test_selectors_areThoseOfTheOpStack() public view {
        _eq(portal.proveWithdrawalTransaction.selector, 0x4870496f);
        _eq(portal.finalizeWithdrawalTransaction.selector, 0x8c3152e9);
        _eq(portal.finalizeWithdrawalTransactionExternalProof.selector, 0x43ca1c50);
        _eq(portal.checkWithdrawal.selector, 0x71c1566e);
        _eq(portal.provenWithdrawals.selector, 0xbb2c727e);
        _eq(portal.finalizedWithdrawals.selector, 0xa14238e7);
        _eq(portal.numProofSubmitters.selector, 0x513747ab);
        _eq(portal.proofSubmitters.selector, 0xa3860f48);
        _eq(portal.respectedGameType.selector, 0x3c9f397c);
        _eq(portal.respectedGameTypeUpdatedAt.selector, 0x4fd0434c);
        _eq(portal.proofMaturityDelaySeconds.selector, 0xbf653a5c);
        _eq(portal.disputeGameFinalityDelaySeconds.selector, 0x952b2797);
        _eq(portal.disputeGameFactory.selector, 0xf2b4e617);
        _eq(portal.anchorStateRegistry.selector, 0x5c0cba33);
        _eq(portal.systemConfig.selector, 0x33d7e2bd);
        _eq(portal.superchainConfig.selector, 0x35e80ab3);
        _eq(portal.disputeGameBlacklist.selector, 0x45884d32);
        _eq(portal.l2Sender.selector, 0x9bf62d82);
        _eq(portal.paused.selector, 0x5c975abb);
        _eq(portal.version.selector, 0x54fd4d50);
        _eq(portal.minimumGasLimit.selector, 0xa35d99df);
        _eq(portal.params.selector, 0xcff0ab96);
        _eq(portal.guardian.selector, 0x452a9320);
    }

    /// The errors that viem's getWithdrawalStatus tells apart.
    function test_errors_areThoseClientsMatch() public pure {
        _eq(OptimismPortal2.OptimismPortal_Unproven.selector, 0xcca6afda);
        _eq(OptimismPortal2.OptimismPortal_InvalidProofTimestamp.selector, 0xb4caa4e5);
        _eq(OptimismPortal2.OptimismPortal_ProofNotOldEnough.selector, 0xd9bc01be);
        _eq(OptimismPortal2.OptimismPortal_InvalidRootClaim.selector, 0x332a57f8);
        _eq(OptimismPortal2.OptimismPortal_AlreadyFinalized.selector, 0x730a1074);
    }

    /// op-chain-ops/crossdomain/withdrawal_test.go and kona's output_root.rs.
    function test_hashes_agreeWithPublishedOnes() public {
        Hasher hasher = new Hasher();
        Types.WithdrawalTransaction memory transaction = Types.WithdrawalTransaction({
            nonce: 0,
            sender: address(0x11bc),
            target: address(0x33eb),
            value: 26,
            gasLimit: 22_338,
            data: hex"0000000000000000000000000000000000000000000000000000000000000004"
        });
        vm.assertEq(
            hasher.withdrawal(transaction),
            0x65768976d27ba8a7f91c5b267b97d29830103171863c0ba24f3234ef07d0f8e3
        );
        Types.OutputRootProof memory published = Types.OutputRootProof({
            version: 0,
            stateRoot: bytes32(uint256(0xbeef)),
            messagePasserStorageRoot: bytes32(uint256(0xbabe)),
            latestBlockhash: bytes32(uint256(0xc0de))
        });
        vm.assertEq(
            hasher.output(published),
            0x0c39fb6b07cf6694b13e63e59f7b15255be1c93a4d6d3e0da6c99729647c0d11
        );
    }

    function test_getters_forwardToTheRegistry() public {
        vm.assertEq(address(portal.systemConfig()), address(config));
        vm.assertEq(address(portal.superchainConfig()), address(superchain));
        vm.assertEq(address(portal.anchorStateRegistry()), address(registry));
        vm.assertEq(address(portal.disputeGameFactory()), address(factory));
        vm.assertEq(portal.proofMaturityDelaySeconds(), MATURITY_DELAY);
        vm.assertEq(portal.disputeGameFinalityDelaySeconds(), FINALITY_DELAY);
        vm.assertEq(uint256(portal.respectedGameType()), GAME_TYPE);
        vm.assertEq(portal.guardian(), GUARDIAN);
        vm.assertEq(portal.version(), "5.0.0");
        vm.assertEq(portal.l2Sender(), address(0xdEaD));
        vm.assertEq(uint256(portal.respectedGameTypeUpdatedAt()), block.timestamp - 1);
        InterimDisputeGame game = _propose(_outputRoot(output), NUMBER);
        vm.assertFalse(portal.disputeGameBlacklist(game));
        vm.prank(GUARDIAN);
        registry.blacklistDisputeGame(game);
        vm.assertTrue(portal.disputeGameBlacklist(game));
    }

    function test_initialize_worksOnce() public {
        vm.prank(OWNER);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        portal.initialize();
        OptimismPortal2 implementation =
            new OptimismPortal2(config, superchain, registry, factory, 1);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        implementation.initialize();
    }

    // Proving.

    function test_prove_records() public {
        InterimDisputeGame game = _propose(_outputRoot(output), NUMBER);
        _pass(1);
        bytes32 hash = _hash(withdrawal);
        vm.expectEmit(address(portal));
        emit WithdrawalProven(hash, USER, RECIPIENT);
        vm.expectEmit(address(portal));
        emit WithdrawalProvenExtension1(hash, address(this));
        portal.proveWithdrawalTransaction(withdrawal, 0, output, proof);

        (IDisputeGame served, uint64 timestamp) = portal.provenWithdrawals(hash, address(this));
        vm.assertEq(address(served), address(game));
        vm.assertEq(uint256(timestamp), block.timestamp);
        vm.assertEq(portal.numProofSubmitters(hash), 1);
        vm.assertEq(portal.proofSubmitters(hash, 0), address(this));
    }

    /// One account's proof is nothing to another: each has its own delay.
    function test_prove_isPerSubmitterAndMayBeRepeated() public {
        InterimDisputeGame first = _propose(_outputRoot(output), NUMBER);
        _pass(1);
        portal.proveWithdrawalTransaction(withdrawal, 0, output, proof);
        uint256 firstTime = block.timestamp;
        InterimDisputeGame second = _propose(_outputRoot(output), NUMBER + 1);
        _pass(1);
        vm.prank(USER);
        portal.proveWithdrawalTransaction(withdrawal, 1, output, proof);

        bytes32 hash = _hash(withdrawal);
        (IDisputeGame served, uint64 timestamp) = portal.provenWithdrawals(hash, address(this));
        vm.assertEq(address(served), address(first));
        vm.assertEq(uint256(timestamp), firstTime);
        portal.proveWithdrawalTransaction(withdrawal, 1, output, proof);
        (served, timestamp) = portal.provenWithdrawals(hash, address(this));
        vm.assertEq(address(served), address(second));
        vm.assertEq(uint256(timestamp), block.timestamp);
        vm.assertEq(portal.numProofSubmitters(hash), 3);
        vm.assertEq(portal.proofSubmitters(hash, 1), USER);
    }

    /// forge-config: default.fuzz.runs = 128
    function testFuzz_prove_refusesAnotherWithdrawal(uint256 which, uint256 change) public {
        vm.assume(change != 0);
        _propose(_outputRoot(output), NUMBER);
        _pass(1);
        Types.WithdrawalTransaction memory forged = withdrawal;
        if (which % 6 == 0) forged.nonce ^= change;
        if (which % 6 == 1) forged.sender = address(uint160(forged.sender) ^ uint160(change | 1));
        if (which % 6 == 2) forged.target = address(uint160(forged.target) ^ uint160(change | 1));
        if (which % 6 == 3) forged.value ^= change;
        if (which % 6 == 4) forged.gasLimit ^= change;
        if (which % 6 == 5) forged.data = abi.encode(change);
        vm.expectRevert(OptimismPortal2.OptimismPortal_InvalidMerkleProof.selector);
        portal.proveWithdrawalTransaction(forged, 0, output, proof);
    }

    /// forge-config: default.fuzz.runs = 128
    function testFuzz_prove_refusesAnotherOutput(uint8 which, bytes32 change) public {
        vm.assume(change != 0);
        _propose(_outputRoot(output), NUMBER);
        _pass(1);
        Types.OutputRootProof memory forged = output;
        if (which % 4 == 0) forged.version ^= change;
        if (which % 4 == 1) forged.stateRoot ^= change;
        if (which % 4 == 2) forged.messagePasserStorageRoot ^= change;
        if (which % 4 == 3) forged.latestBlockhash ^= change;
        vm.expectRevert(OptimismPortal2.OptimismPortal_InvalidOutputRootProof.selector);
        portal.proveWithdrawalTransaction(withdrawal, 0, forged, proof);
    }

    /// forge-config: default.fuzz.runs = 128
    function testFuzz_prove_refusesBrokenNodes(uint256 seed, uint8 change) public {
        _propose(_outputRoot(output), NUMBER);
        _pass(1);
        bytes[] memory broken = proof;
        uint256 which = seed % broken.length;
        bytes memory node = broken[which];
        uint256 position = (seed >> 8) % node.length;
        if (change % 3 == 0) {
            // Truncated.
            assembly {
                mstore(node, position)
            }
        } else if (change % 3 == 1) {
            broken[which] = abi.encodePacked(node, change);
        } else {
            node[position] = bytes1(uint8(node[position]) ^ change);
        }
        vm.expectRevert(OptimismPortal2.OptimismPortal_InvalidMerkleProof.selector);
        portal.proveWithdrawalTransaction(withdrawal, 0, output, broken);
    }

    function test_prove_refusesEmptyAndSurplusNodes() public {
        _propose(_outputRoot(output), NUMBER);
        _pass(1);
        vm.expectRevert(OptimismPortal2.OptimismPortal_InvalidMerkleProof.selector);
        portal.proveWithdrawalTransaction(withdrawal, 0, output, new bytes[](0));
        bytes[] memory longer = new bytes[](proof.length + 1);
        for (uint256 i = 0; i < proof.length; ++i) {
            longer[i] = proof[i];
        }
        vm.expectRevert(OptimismPortal2.OptimismPortal_InvalidMerkleProof.selector);
        portal.proveWithdrawalTransaction(withdrawal, 0, output, longer);
    }

    /// An output whose storage root is the hash of something that is no node.
    function test_prove_refusesNodesThatAreNone() public {
        bytes[] memory broken = new bytes[](1);
        broken[0] = hex"c3808080";
        Types.OutputRootProof memory odd = _outputWith(keccak256(broken[0]));
        _propose(_outputRoot(odd), NUMBER);
        _pass(1);
        vm.expectRevert(MerkleTrie.MerkleTrie_MalformedNode.selector);
        portal.proveWithdrawalTransaction(withdrawal, 0, odd, broken);
    }

    /// A leaf at the right place with another value than true.
    function test_prove_refusesAnotherValue() public {
        TrieBuilder.Entry[] memory entries = new TrieBuilder.Entry[](1);
        bytes[3] memory values = [bytes(hex"02"), hex"0101", hex"00"];
        for (uint256 i = 0; i < values.length; ++i) {
            entries[0] = TrieBuilder.Entry({path: _path(withdrawal), value: values[i]});
            Types.OutputRootProof memory odd = _outputWith(TrieBuilder.root(entries));
            _propose(_outputRoot(odd), NUMBER + i);
            _pass(1);
            vm.expectRevert(OptimismPortal2.OptimismPortal_InvalidMerkleProof.selector);
            portal.proveWithdrawalTransaction(
                withdrawal, i, odd, TrieBuilder.prove(entries, _path(withdrawal))
            );
        }
    }

    /// A leaf so short that it is part of its branch, with the node that viem adds and without.
    function test_prove_acceptsLeavesInsideBranches() public {
        TrieBuilder.Entry[] memory entries = new TrieBuilder.Entry[](2);
        bytes32 path = _path(withdrawal);
        entries[0] = TrieBuilder.Entry({path: path, value: hex"01"});
        entries[1] = TrieBuilder.Entry({path: path ^ bytes32(uint256(1) << 100), value: hex"01"});
        Types.OutputRootProof memory deep = _outputWith(TrieBuilder.root(entries));
        bytes[] memory nodes = TrieBuilder.prove(entries, path);
        _propose(_outputRoot(deep), NUMBER);
        _pass(1);
        portal.proveWithdrawalTransaction(withdrawal, 0, deep, nodes);

        bytes[] memory longer = new bytes[](nodes.length + 1);
        for (uint256 i = 0; i < nodes.length; ++i) {
            longer[i] = nodes[i];
        }
        longer[nodes.length] = TrieBuilder.leaf(entries[0], 39);
        portal.proveWithdrawalTransaction(withdrawal, 0, deep, longer);
        longer[nodes.length] = TrieBuilder.leaf(entries[0], 41);
        vm.expectRevert(OptimismPortal2.OptimismPortal_InvalidMerkleProof.selector);
        portal.proveWithdrawalTransaction(withdrawal, 0, deep, longer);
    }

    function test_prove_refusesThePortalAsTarget() public {
        withdrawal = _withdrawal(7, address(portal), 1 ether);
        (output, proof) = _output(withdrawal);
        _propose(_outputRoot(output), NUMBER);
        _pass(1);
        vm.expectRevert(OptimismPortal2.OptimismPortal_BadTarget.selector);
        portal.proveWithdrawalTransaction(withdrawal, 0, output, proof);
        vm.expectRevert(OptimismPortal2.OptimismPortal_BadTarget.selector);
        portal.finalizeWithdrawalTransaction(withdrawal);
    }

    function test_prove_refusesWhilePaused() public {
        _propose(_outputRoot(output), NUMBER);
        _pass(1);
        vm.prank(GUARDIAN);
        superchain.pause(address(portal));
        vm.assertTrue(portal.paused());
        vm.expectRevert(OptimismPortal2.OptimismPortal_CallPaused.selector);
        portal.proveWithdrawalTransaction(withdrawal, 0, output, proof);
    }

    function test_prove_refusesInTheSecondOfTheGame() public {
        _propose(_outputRoot(output), NUMBER);
        vm.expectRevert(OptimismPortal2.OptimismPortal_InvalidProofTimestamp.selector);
        portal.proveWithdrawalTransaction(withdrawal, 0, output, proof);
    }

    function test_prove_refusesUnknownGames() public {
        vm.expectRevert();
        portal.proveWithdrawalTransaction(withdrawal, 0, output, proof);
    }

    function test_prove_refusesBlacklistedGames() public {
        InterimDisputeGame game = _propose(_outputRoot(output), NUMBER);
        _pass(1);
        vm.prank(GUARDIAN);
        registry.blacklistDisputeGame(game);
        vm.expectRevert(OptimismPortal2.OptimismPortal_ImproperDisputeGame.selector);
        portal.proveWithdrawalTransaction(withdrawal, 0, output, proof);
    }

    /// A game that the factory has created, but that another registry judges.
    function test_prove_refusesGamesOfAnotherRegistry() public {
        AnchorStateRegistry other = AnchorStateRegistry(_proxy());
        address implementation =
            address(new AnchorStateRegistry(config, superchain, factory, address(portal), 0));
        IAnchorStateRegistry.Proposal memory anchor =
            IAnchorStateRegistry.Proposal({root: ANCHOR_ROOT, l2SequenceNumber: 0});
        InterimDisputeGame odd =
            new InterimDisputeGame(GAME_TYPE, 0, weth, other, L2_CHAIN_ID, PROPOSER);
        vm.startPrank(OWNER);
        _install(
            address(other),
            implementation,
            abi.encodeCall(AnchorStateRegistry.initialize, (anchor, GAME_TYPE))
        );
        factory.setImplementation(GAME_TYPE, odd);
        vm.stopPrank();
        _pass(1);
        InterimDisputeGame game = _propose(_outputRoot(output), NUMBER);
        _pass(1);
        vm.assertTrue(other.isGameRegistered(game));
        vm.expectRevert(OptimismPortal2.OptimismPortal_ImproperDisputeGame.selector);
        portal.proveWithdrawalTransaction(withdrawal, 0, output, proof);
    }

    function test_prove_refusesRetiredGames() public {
        _propose(_outputRoot(output), NUMBER);
        vm.prank(GUARDIAN);
        registry.updateRetirementTimestamp();
        _pass(1);
        vm.expectRevert(OptimismPortal2.OptimismPortal_ImproperDisputeGame.selector);
        portal.proveWithdrawalTransaction(withdrawal, 0, output, proof);
    }

    function test_prove_refusesGamesOfAnotherType() public {
        // Respected when it was created, but no longer.
        _propose(_outputRoot(output), NUMBER);
        _pass(1);
        vm.prank(GUARDIAN);
        registry.setRespectedGameType(101);
        vm.expectRevert(OptimismPortal2.OptimismPortal_InvalidDisputeGame.selector);
        portal.proveWithdrawalTransaction(withdrawal, 0, output, proof);
        // Not respected when it was created, but now.
        _propose(_outputRoot(output), NUMBER + 1);
        _pass(1);
        vm.prank(GUARDIAN);
        registry.setRespectedGameType(GAME_TYPE);
        vm.expectRevert(OptimismPortal2.OptimismPortal_InvalidDisputeGame.selector);
        portal.proveWithdrawalTransaction(withdrawal, 1, output, proof);
    }

    function test_prove_refusesRefutedGames() public {
        InterimDisputeGame game = _propose(_outputRoot(output), NUMBER);
        _pass(1);
        vm.mockCall(
            address(game),
            abi.encodeCall(IDisputeGame.status, ()),
            abi.encode(GameStatus.CHALLENGER_WINS)
        );
        vm.expectRevert(OptimismPortal2.OptimismPortal_InvalidDisputeGame.selector);
        portal.proveWithdrawalTransaction(withdrawal, 0, output, proof);
    }

    // Finalizing.

    function test_finalize_paysOnce() public {
        _ripen(withdrawal, NUMBER);
        bytes32 hash = _hash(withdrawal);
        portal.checkWithdrawal(hash, USER);
        vm.expectEmit(address(portal));
        emit WithdrawalFinalized(hash, true);
        vm.prank(USER);
        portal.finalizeWithdrawalTransaction(withdrawal);
        vm.assertEq(RECIPIENT.balance, 1 ether);
        vm.assertTrue(portal.finalizedWithdrawals(hash));

        vm.prank(USER);
        vm.expectRevert(OptimismPortal2.OptimismPortal_AlreadyFinalized.selector);
        portal.finalizeWithdrawalTransaction(withdrawal);
        vm.expectRevert(OptimismPortal2.OptimismPortal_AlreadyFinalized.selector);
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
        vm.expectRevert(OptimismPortal2.OptimismPortal_AlreadyFinalized.selector);
        portal.checkWithdrawal(hash, USER);
    }

    /// Proven anew after it was finalized, a withdrawal is still spent.
    function test_finalize_isNotRepeatedByAnotherProof() public {
        _ripen(withdrawal, NUMBER);
        vm.prank(USER);
        portal.finalizeWithdrawalTransaction(withdrawal);
        _ripen(withdrawal, NUMBER + 1);
        vm.prank(USER);
        vm.expectRevert(OptimismPortal2.OptimismPortal_AlreadyFinalized.selector);
        portal.finalizeWithdrawalTransaction(withdrawal);
    }

    function test_finalize_takesAnothersProof() public {
        _ripen(withdrawal, NUMBER);
        vm.expectRevert(OptimismPortal2.OptimismPortal_Unproven.selector);
        portal.finalizeWithdrawalTransaction(withdrawal);
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
        vm.assertEq(RECIPIENT.balance, 1 ether);
    }

    function test_finalize_waitsForTheProof() public {
        InterimDisputeGame game = _proposeAndProve(withdrawal, NUMBER);
        uint256 proven = block.timestamp;
        vm.warp(proven + CLOCK);
        game.resolve();
        vm.warp(proven + MATURITY_DELAY);
        vm.expectRevert(OptimismPortal2.OptimismPortal_ProofNotOldEnough.selector);
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
        vm.warp(proven + MATURITY_DELAY + 1);
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
    }

    function test_finalize_waitsForTheGame() public {
        InterimDisputeGame game = _proposeAndProve(withdrawal, NUMBER);
        _pass(MATURITY_DELAY + 1);
        vm.expectRevert(OptimismPortal2.OptimismPortal_InvalidRootClaim.selector);
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
        game.resolve();
        vm.warp(block.timestamp + FINALITY_DELAY);
        vm.expectRevert(OptimismPortal2.OptimismPortal_InvalidRootClaim.selector);
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
        vm.warp(block.timestamp + 1);
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
    }

    function test_finalize_refusesWhilePaused() public {
        _ripen(withdrawal, NUMBER);
        vm.prank(GUARDIAN);
        superchain.pause(address(0));
        vm.expectRevert(OptimismPortal2.OptimismPortal_CallPaused.selector);
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
        vm.expectRevert(OptimismPortal2.OptimismPortal_InvalidRootClaim.selector);
        portal.checkWithdrawal(_hash(withdrawal), USER);
        vm.prank(GUARDIAN);
        superchain.unpause(address(0));
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
    }

    function test_finalize_refusesBlacklistedGames() public {
        InterimDisputeGame game = _ripen(withdrawal, NUMBER);
        vm.prank(GUARDIAN);
        registry.blacklistDisputeGame(game);
        vm.expectRevert(OptimismPortal2.OptimismPortal_InvalidRootClaim.selector);
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
    }

    /// How the interim game is taken out of service: what was proven on it has to be proven again.
    function test_finalize_refusesRetiredGames() public {
        _ripen(withdrawal, NUMBER);
        vm.prank(GUARDIAN);
        registry.updateRetirementTimestamp();
        vm.expectRevert(OptimismPortal2.OptimismPortal_InvalidRootClaim.selector);
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
        _pass(1);
        _ripen(withdrawal, NUMBER + 1);
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
    }

    function test_finalize_refusesRefutedGames() public {
        InterimDisputeGame game = _ripen(withdrawal, NUMBER);
        vm.mockCall(
            address(game),
            abi.encodeCall(IDisputeGame.status, ()),
            abi.encode(GameStatus.CHALLENGER_WINS)
        );
        vm.expectRevert(OptimismPortal2.OptimismPortal_InvalidRootClaim.selector);
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
    }

    function test_finalize_refusesProofsAsOldAsTheirGame() public {
        InterimDisputeGame game = _ripen(withdrawal, NUMBER);
        (, uint64 proven) = portal.provenWithdrawals(_hash(withdrawal), USER);
        vm.mockCall(address(game), abi.encodeCall(IDisputeGame.createdAt, ()), abi.encode(proven));
        vm.expectRevert(OptimismPortal2.OptimismPortal_InvalidProofTimestamp.selector);
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
    }

    /// forge-config: default.fuzz.runs = 128
    function testFuzz_finalize_refusesUnproven(uint256 nonce, address submitter) public {
        vm.assume(submitter != USER);
        Types.WithdrawalTransaction memory other = _withdrawal(nonce % 1000, RECIPIENT, 2 ether);
        vm.expectRevert(OptimismPortal2.OptimismPortal_Unproven.selector);
        portal.finalizeWithdrawalTransactionExternalProof(other, submitter);
        _ripen(withdrawal, NUMBER);
        vm.expectRevert(OptimismPortal2.OptimismPortal_Unproven.selector);
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, submitter);
        vm.expectRevert(OptimismPortal2.OptimismPortal_Unproven.selector);
        portal.finalizeWithdrawalTransactionExternalProof(other, USER);
    }

    function test_finalize_tellsTheTargetWhoSentIt() public {
        Target target = new Target(portal);
        withdrawal = _withdrawal(8, address(target), 1 ether);
        withdrawal.data = abi.encodeWithSignature("act()");
        _ripen(withdrawal, NUMBER);
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
        vm.assertEq(target.seenSender(), USER);
        vm.assertEq(address(target).balance, 1 ether);
        vm.assertEq(portal.l2Sender(), address(0xdEaD));
    }

    function test_finalize_spendsWithdrawalsWhoseCallFails() public {
        Target target = new Target(portal);
        target.setBroken(true);
        withdrawal = _withdrawal(8, address(target), 1 ether);
        withdrawal.data = abi.encodeWithSignature("act()");
        _ripen(withdrawal, NUMBER);
        uint256 before = address(portal).balance;
        vm.expectEmit(address(portal));
        emit WithdrawalFinalized(_hash(withdrawal), false);
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
        vm.assertEq(address(portal).balance, before);
        target.setBroken(false);
        vm.expectRevert(OptimismPortal2.OptimismPortal_AlreadyFinalized.selector);
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
    }

    function test_finalize_spendsWithdrawalsThatThePortalCannotPay() public {
        withdrawal = _withdrawal(8, RECIPIENT, 1000 ether);
        _ripen(withdrawal, NUMBER);
        vm.expectEmit(address(portal));
        emit WithdrawalFinalized(_hash(withdrawal), false);
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
        vm.assertEq(RECIPIENT.balance, 0);
    }

    /// Wallets estimate gas from the origin 1, where a failure must not look like success.
    function test_finalize_revertsFailuresUnderEstimation() public {
        Target target = new Target(portal);
        target.setBroken(true);
        withdrawal = _withdrawal(8, address(target), 1 ether);
        withdrawal.data = abi.encodeWithSignature("act()");
        _ripen(withdrawal, NUMBER);
        vm.prank(USER, address(1));
        vm.expectRevert(OptimismPortal2.OptimismPortal_GasEstimation.selector);
        portal.finalizeWithdrawalTransaction(withdrawal);
        target.setBroken(false);
        vm.prank(USER, address(1));
        portal.finalizeWithdrawalTransaction(withdrawal);
    }

    // Attacks.

    function test_finalize_refusesReentrancy() public {
        Reentrant target = new Reentrant(portal);
        withdrawal = _withdrawal(8, address(target), 1 ether);
        withdrawal.data = abi.encodeWithSignature("act()");
        withdrawal.gasLimit = 500_000;
        Types.WithdrawalTransaction memory second = _withdrawal(9, RECIPIENT, 1 ether);
        _ripen(second, NUMBER);
        _ripen(withdrawal, NUMBER + 1);
        bytes4 function_ = portal.finalizeWithdrawalTransactionExternalProof.selector;

        // Another withdrawal that is ripe.
        target.arm(abi.encodeWithSelector(function_, second, USER));
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
        vm.assertEq(
            target.result(),
            abi.encodeWithSelector(OptimismPortal2.OptimismPortal_NoReentrancy.selector)
        );
        vm.assertEq(RECIPIENT.balance, 0);
        // Afterwards the door is open again.
        portal.finalizeWithdrawalTransactionExternalProof(second, USER);
        vm.assertEq(RECIPIENT.balance, 1 ether);
    }

    function test_finalize_refusesReentrancyIntoItself() public {
        Reentrant target = new Reentrant(portal);
        withdrawal = _withdrawal(8, address(target), 1 ether);
        withdrawal.data = abi.encodeWithSignature("act()");
        withdrawal.gasLimit = 500_000;
        _ripen(withdrawal, NUMBER);
        bytes4 function_ = portal.finalizeWithdrawalTransactionExternalProof.selector;
        target.arm(abi.encodeWithSelector(function_, withdrawal, USER));
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
        vm.assertEq(
            target.result(),
            abi.encodeWithSelector(OptimismPortal2.OptimismPortal_NoReentrancy.selector)
        );
        vm.assertEq(address(target).balance, 1 ether);
    }

    /// Whoever finalizes chooses the gas. Either the target gets what the withdrawal asks for, or
    /// nothing has happened.
    /// forge-config: default.fuzz.runs = 128
    function testFuzz_finalize_cannotBeStarvedOfGas(uint256 gasGiven) public {
        Target target = new Target(portal);
        withdrawal = _withdrawal(8, address(target), 1 ether);
        withdrawal.data = abi.encodeWithSignature("act()");
        withdrawal.gasLimit = 200_000;
        _ripen(withdrawal, NUMBER);
        gasGiven = _bound(gasGiven, 30_000, 500_000);
        bytes memory data =
            abi.encodeCall(portal.finalizeWithdrawalTransactionExternalProof, (withdrawal, USER));
        (bool success,) = address(portal).call{gas: gasGiven}(data);
        vm.assertTrue(success == portal.finalizedWithdrawals(_hash(withdrawal)));
        if (success) {
            // The target's own first instructions are a few hundred gas.
            vm.assertTrue(target.gasSeen() > 199_000);
            vm.assertEq(target.calls(), 1);
        } else {
            vm.assertEq(target.calls(), 0);
            portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
            vm.assertEq(target.calls(), 1);
        }
    }

    function test_finalize_namesTheLackOfGas() public {
        withdrawal.gasLimit = 200_000;
        _ripen(withdrawal, NUMBER);
        vm.expectRevert(SafeCall.SafeCall_NotEnoughGas.selector);
        portal.finalizeWithdrawalTransactionExternalProof{gas: 250_000}(withdrawal, USER);
        vm.assertFalse(portal.finalizedWithdrawals(_hash(withdrawal)));
    }

    /// Limits that no block holds, up to those whose products would overflow.
    /// forge-config: default.fuzz.runs = 128
    function testFuzz_finalize_refusesGasThatNobodyHas(uint256 gasLimit) public {
        withdrawal.gasLimit = _bound(gasLimit, 1 << 40, type(uint256).max - 1);
        _ripen(withdrawal, NUMBER);
        vm.expectRevert(SafeCall.SafeCall_NotEnoughGas.selector);
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
        vm.assertFalse(portal.finalizedWithdrawals(_hash(withdrawal)));
    }

    function test_finalize_doesNotPayForReturnedData() public {
        withdrawal = _withdrawal(8, address(new ReturnBomb()), 0);
        withdrawal.data = abi.encodeWithSignature("act()");
        withdrawal.gasLimit = 3_000_000;
        _ripen(withdrawal, NUMBER);
        uint256 before = gasleft();
        portal.finalizeWithdrawalTransactionExternalProof(withdrawal, USER);
        // A megabyte of memory costs 2.2 million gas, and is paid once, by the target.
        vm.assertTrue(before - gasleft() < 3_000_000);
    }

    function _eq(bytes4 left, bytes4 right) private pure {
        vm.assertEq(bytes32(left), bytes32(right));
    }
}
