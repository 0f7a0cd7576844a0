// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Keccak} from "../src/libraries/Keccak.sol";
import {PreimageOracle} from "../src/vm/PreimageOracle.sol";
import {Test, Vm} from "./Test.sol";

/// @title Sponge
/// @notice The library's functions, called from outside.
contract Sponge {
    function absorb(uint64[25] memory lanes, bytes calldata input)
        external
        pure
        returns (uint64[25] memory)
    {
        Keccak.absorb(lanes, input);
        return lanes;
    }
}

/// @title PreimageOracleTest
/// @notice Parts of preimages of every kind, and proposals of large ones.
contract PreimageOracleTest is Test {
    uint256 private constant PERIOD = 1 days;
    address private constant PROPOSER = address(0x9209);
    address private constant CHALLENGER = address(0xc4a1);

    PreimageOracle private oracle;
    Sponge private sponge;

    /// @dev A proposal as the proposer has worked it out.
    struct Large {
        bytes data;
        bytes padded;
        bytes32[] commitments;
        uint64[25][] states;
        bytes32[] leaves;
    }

    function setUp() public {
        oracle = new PreimageOracle(136, PERIOD);
        sponge = new Sponge();
        vm.deal(PROPOSER, 10 ether);
        vm.warp(1_000_000);
    }

    // --- small preimages ---

    function testFuzz_parts_areOfLengthAndBytes(bytes memory data, uint256 offset) public {
        offset = offset % 4 == 0 ? offset : offset % (data.length + 100);
        bytes32 key = _key(2, keccak256(data));
        vm.expectRevert(PreimageOracle.PreimageOracle_PartNotLoaded.selector);
        oracle.readPreimage(key, offset);
        oracle.loadKeccak256PreimagePart(offset, data);
        _assertPart(key, offset, data);
        key = _key(4, sha256(data));
        oracle.loadSha256PreimagePart(offset, data);
        _assertPart(key, offset, data);
        vm.assertEq(oracle.preimageLengths(key), data.length);
    }

    function test_partsAtTheEnd_countWhatIsThere() public {
        bytes memory data = "0123456789012345678901234";
        bytes32 key = _key(2, keccak256(data));
        uint256[6] memory offsets = [uint256(0), 1, 8, 32, 33, type(uint256).max];
        uint8[6] memory counts = [32, 32, 25, 1, 0, 0];
        for (uint256 i = 0; i < 6; i++) {
            oracle.loadKeccak256PreimagePart(offsets[i], data);
            (, uint256 count) = oracle.readPreimage(key, offsets[i]);
            vm.assertEq(count, counts[i]);
            _assertPart(key, offsets[i], data);
        }
        vm.expectRevert(PreimageOracle.PreimageOracle_PartNotLoaded.selector);
        oracle.readPreimage(key, 2);
    }

    function testFuzz_localData_isOfItsSenderAndContext(
        bytes32 word,
        uint8 size,
        uint8 offset,
        address game,
        bytes32 context
    ) public {
        size %= 33;
        uint256 ident = 5;
        bytes32 base = bytes32(uint256(1 << 248 | ident));
        bytes32 key = _key(1, keccak256(abi.encode(base, game, context)));
        vm.prank(game);
        vm.assertEq(oracle.loadLocalData(ident, context, word, size, offset), key);
        bytes memory data = new bytes(size);
        for (uint256 i = 0; i < size; i++) {
            data[i] = word[i];
        }
        _assertPart(key, offset, data);
    }

    function test_localDataOf33Bytes_isRefused() public {
        vm.expectRevert(PreimageOracle.PreimageOracle_TooLarge.selector);
        oracle.loadLocalData(1, 0, 0, 33, 0);
    }

    function test_blobs_areRefused() public {
        vm.expectRevert(PreimageOracle.PreimageOracle_BlobsUnsupported.selector);
        oracle.loadBlobPreimagePart(0, 0, "", "", 0);
    }

    // --- precompiles ---

    function test_precompile_answersUnderItsKey() public {
        bytes32 digest = keccak256("message");
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(7, digest);
        bytes memory input = abi.encode(digest, v, r, s);
        bytes memory answer = abi.encodePacked(uint8(1), abi.encode(vm.addr(7)));
        bytes32 key = _key(6, keccak256(abi.encodePacked(address(1), uint64(3000), input)));
        oracle.loadPrecompilePreimagePart(8, address(1), 3000, input);
        _assertPart(key, 8, answer);
        oracle.loadPrecompilePreimagePart(0, address(1), 3000, input);
        _assertPart(key, 0, answer);
        // No signer: a success without output.
        input = abi.encode(digest, 29, r, s);
        key = _key(6, keccak256(abi.encodePacked(address(1), uint64(3000), input)));
        oracle.loadPrecompilePreimagePart(8, address(1), 3000, input);
        _assertPart(key, 8, hex"01");
    }

    function test_precompileWithLessGasThanItsPrice_fails() public {
        bytes memory input = abi.encode(keccak256("message"), 27, 5, 7);
        bytes32 key = _key(6, keccak256(abi.encodePacked(address(1), uint64(2999), input)));
        oracle.loadPrecompilePreimagePart(8, address(1), 2999, input);
        _assertPart(key, 8, hex"00");
    }

    /// @dev Whatever gas the transaction has: a call that got less than its key says is not stored.
    function testFuzz_starvedPrecompile_isNeverAnAnswer(uint256 gas) public {
        // BLAKE2's compression function: 300,000 rounds at a gas each (EIP-152).
        bytes memory input = abi.encodePacked(uint32(300_000), new bytes(208), uint8(1));
        bytes32 key = _key(6, keccak256(abi.encodePacked(address(9), uint64(300_000), input)));
        gas = _bound(gas, 30_000, 800_000);
        try oracle.loadPrecompilePreimagePart{gas: gas}(8, address(9), 300_000, input) {
            (bytes32 part, uint256 count) = oracle.readPreimage(key, 8);
            vm.assertEq(count, 32);
            vm.assertEq(uint8(part[0]), 1);
        } catch {
            vm.assertFalse(oracle.preimagePartOk(key, 8));
            vm.assertTrue(gas < 580_000);
        }
    }

    function test_reserve_isDemanded() public {
        bytes memory input = abi.encodePacked(uint32(300_000), new bytes(208), uint8(1));
        vm.expectRevert(PreimageOracle.PreimageOracle_NotEnoughGas.selector);
        oracle.loadPrecompilePreimagePart{gas: 500_000}(8, address(9), 300_000, input);
        vm.expectRevert(PreimageOracle.PreimageOracle_NotEnoughGas.selector);
        oracle.loadPrecompilePreimagePart(8, address(9), type(uint64).max, input);
    }

    // --- large preimages ---

    function testFuzz_proposal_loadsItsPart(uint256 size, uint32 offset, uint256 cut) public {
        Large memory l = _large(_bound(size, 136, 136 * 6));
        offset = uint32(_bound(offset, 0, l.data.length + 50));
        uint256 blocks = l.leaves.length;
        cut = _bound(cut, 0, blocks - 1);
        _init(7, offset, l);
        _add(7, l, 0, cut, false);
        _add(7, l, cut, blocks, true);
        vm.assertEq(oracle.getTreeRootLPP(PROPOSER, 7), _node(l, 16, 0));
        bytes32 key = _key(2, keccak256(l.data));
        vm.warp(block.timestamp + PERIOD);
        vm.expectRevert(PreimageOracle.PreimageOracle_ActiveProposal.selector);
        _squeeze(7, l);
        vm.assertFalse(oracle.preimagePartOk(key, offset));
        vm.warp(block.timestamp + 1);
        _squeeze(7, l);
        _assertPart(key, offset, l.data);
        vm.assertEq(oracle.preimageLengths(key), l.data.length);
        vm.assertEq(PROPOSER.balance, 10 ether);
        vm.assertEq(address(oracle).balance, 0);
        vm.assertEq(oracle.proposalBonds(PROPOSER, 7), 0);
    }

    function testFuzz_wrongCommitment_isChallenged(uint256 wrong) public {
        Large memory l = _large(136 * 5 + 3);
        uint256 blocks = l.leaves.length;
        wrong = _bound(wrong, 0, blocks - 1);
        l.commitments[wrong] = keccak256("wrong");
        _hashLeaves(l);
        _init(7, 0, l);
        _add(7, l, 0, blocks, true);
        for (uint256 i = 0; i < blocks; i++) {
            if (i == wrong || (i == wrong + 1)) continue;
            vm.expectRevert(PreimageOracle.PreimageOracle_PostStateMatches.selector);
            _challenge(7, l, i);
        }
        if (wrong + 1 < blocks) {
            // The state before it is not the one committed to.
            vm.expectRevert(PreimageOracle.PreimageOracle_InvalidPreimage.selector);
            _challenge(7, l, wrong + 1);
        }
        _challenge(7, l, wrong);
        vm.assertEq(CHALLENGER.balance, 0.25 ether);
        vm.warp(block.timestamp + PERIOD + 1);
        vm.expectRevert(
            wrong + 2 == blocks
                ? PreimageOracle.PreimageOracle_InvalidPreimage.selector
                : PreimageOracle.PreimageOracle_BadProposal.selector
        );
        _squeeze(7, l);
    }

    /// @dev The commitment to the last state is not used: the oracle permutes itself.
    function test_squeeze_takesNoOtherStates() public {
        Large memory l = _large(136 * 4);
        uint256 blocks = l.leaves.length;
        _init(7, 0, l);
        _add(7, l, 0, blocks - 1, false);
        _add(7, l, blocks - 1, blocks, true);
        vm.warp(block.timestamp + PERIOD + 1);
        PreimageOracle.StateMatrix memory state = PreimageOracle.StateMatrix(l.states[1]);
        // Not the last pair.
        (PreimageOracle.Leaf memory pre, bytes32[] memory preProof) = _leaf(l, 1);
        (PreimageOracle.Leaf memory post, bytes32[] memory postProof) = _leaf(l, 2);
        vm.expectRevert(PreimageOracle.PreimageOracle_StatesNotContiguous.selector);
        oracle.squeezeLPP(PROPOSER, 7, state, pre, preProof, post, postProof);
        // No pair.
        (post, postProof) = _leaf(l, blocks - 1);
        vm.expectRevert(PreimageOracle.PreimageOracle_StatesNotContiguous.selector);
        oracle.squeezeLPP(PROPOSER, 7, state, pre, preProof, post, postProof);
        // Another block.
        post.input[5] ^= 0x01;
        vm.expectRevert(PreimageOracle.PreimageOracle_InvalidProof.selector);
        oracle.squeezeLPP(PROPOSER, 7, state, pre, preProof, post, postProof);
        (post, postProof) = _leaf(l, blocks - 1);
        post.index += 1 << 16;
        vm.expectRevert(PreimageOracle.PreimageOracle_InvalidProof.selector);
        oracle.squeezeLPP(PROPOSER, 7, state, pre, preProof, post, postProof);
        _squeeze(7, l);
    }

    function test_proposals_areRefusedInOtherForms() public {
        Large memory l = _large(136 * 2);
        vm.expectRevert(PreimageOracle.PreimageOracle_InsufficientBond.selector);
        oracle.initLPP{value: 0.25 ether - 1}(1, 0, 1000);
        vm.expectRevert(PreimageOracle.PreimageOracle_NotEOA.selector);
        vm.prank(address(this), PROPOSER);
        oracle.initLPP{value: 0.25 ether}(1, 0, 1000);
        vm.startPrank(PROPOSER, PROPOSER);
        vm.expectRevert(PreimageOracle.PreimageOracle_InvalidInputSize.selector);
        oracle.initLPP{value: 0.25 ether}(1, 0, 135);
        vm.expectRevert(PreimageOracle.PreimageOracle_NotInitialized.selector);
        oracle.addLeavesLPP(1, 0, l.data, new bytes32[](2), false);
        oracle.initLPP{value: 0.25 ether}(1, 0, 136 * 2);
        vm.expectRevert(PreimageOracle.PreimageOracle_AlreadyInitialized.selector);
        oracle.initLPP{value: 0.25 ether}(1, 0, 136 * 2);
        vm.expectRevert(PreimageOracle.PreimageOracle_WrongStartingBlock.selector);
        oracle.addLeavesLPP(1, 1, l.data, new bytes32[](2), false);
        vm.expectRevert(PreimageOracle.PreimageOracle_InvalidInputSize.selector);
        oracle.addLeavesLPP(1, 0, l.data, new bytes32[](1), false);
        vm.expectRevert(PreimageOracle.PreimageOracle_InvalidInputSize.selector);
        oracle.addLeavesLPP(1, 0, new bytes(137), new bytes32[](1), false);
        vm.expectRevert(PreimageOracle.PreimageOracle_InvalidInputSize.selector);
        oracle.addLeavesLPP(1, 0, new bytes(136), new bytes32[](2), true);
        oracle.addLeavesLPP(1, 0, l.data, l.commitments, true);
        vm.expectRevert(PreimageOracle.PreimageOracle_AlreadyFinalized.selector);
        oracle.addLeavesLPP(1, 3, l.data, l.commitments, true);
        vm.stopPrank();
        vm.expectRevert(PreimageOracle.PreimageOracle_BadSetting.selector);
        new PreimageOracle(135, 0);
    }

    function test_bondThatCannotBePaid_isNotLost() public {
        Large memory l = _large(136 * 2);
        l.commitments[1] = 0;
        _hashLeaves(l);
        _init(7, 0, l);
        _add(7, l, 0, 3, true);
        vm.etch(CHALLENGER, hex"5f5ffd"); // reverts
        vm.expectRevert(PreimageOracle.PreimageOracle_BondTransferFailed.selector);
        _challenge(7, l, 1);
        vm.etch(CHALLENGER, "");
        _challenge(7, l, 1);
        vm.assertEq(CHALLENGER.balance, 0.25 ether);
        // A second proof of the same is worth nothing.
        _challenge(7, l, 1);
        vm.assertEq(CHALLENGER.balance, 0.25 ether);
    }

    /// @dev The tree has room for 65535 blocks.
    function test_blockBeyondTheTree_isRefused() public {
        vm.startPrank(PROPOSER, PROPOSER);
        oracle.initLPP{value: 0.25 ether}(1, 0, 136 * 65_536);
        for (uint256 i = 0; i < 65_535; i += 13_107) {
            oracle.addLeavesLPP(1, i, new bytes(136 * 13_107), new bytes32[](13_107), false);
        }
        vm.expectRevert(PreimageOracle.PreimageOracle_TreeSizeOverflow.selector);
        oracle.addLeavesLPP(1, 65_535, new bytes(136), new bytes32[](1), false);
        vm.stopPrank();
    }

    function test_settings_areThoseOfTheConstructor() public view {
        vm.assertEq(oracle.minProposalSize(), 136);
        vm.assertEq(oracle.challengePeriod(), PERIOD);
        vm.assertEq(oracle.version(), "1.1.4");
    }

    function test_addedLeaves_areLogged() public {
        Large memory l = _large(136);
        _init(3, 0, l);
        vm.recordLogs();
        _add(3, l, 0, 2, true);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 1);
        vm.assertEq(logs[0].topics.length, 0);
        vm.assertEq(
            logs[0].data,
            abi.encodePacked(
                PROPOSER,
                abi.encodeCall(PreimageOracle.addLeavesLPP, (3, 0, l.data, l.commitments, true))
            )
        );
        vm.assertEq(oracle.proposalCount(), 1);
        vm.assertEq(oracle.proposalBlocksLen(PROPOSER, 3), 1);
        vm.assertEq(
            oracle.proposalMetadata(PROPOSER, 3),
            bytes32(
                abi.encodePacked(
                    uint64(1_000_000), uint32(0), uint32(136), uint32(2), uint32(136), uint64(0)
                )
            )
        );
    }

    /// @dev As the OP Stack's challengers call them.
    function test_selectors_areThoseOfTheStack() public view {
        vm.assertEq(bytes32(oracle.readPreimage.selector), bytes32(bytes4(0xe03110e1)));
        vm.assertEq(bytes32(oracle.loadLocalData.selector), bytes32(bytes4(0x52f0f3ad)));
        vm.assertEq(bytes32(oracle.loadKeccak256PreimagePart.selector), bytes32(bytes4(0xe1592611)));
        vm.assertEq(bytes32(oracle.loadSha256PreimagePart.selector), bytes32(bytes4(0x8dc4be11)));
        vm.assertEq(bytes32(oracle.loadBlobPreimagePart.selector), bytes32(bytes4(0x9d7e8769)));
        vm.assertEq(
            bytes32(oracle.loadPrecompilePreimagePart.selector), bytes32(bytes4(0xea713950))
        );
        vm.assertEq(bytes32(oracle.preimagePartOk.selector), bytes32(bytes4(0x8542cf50)));
        vm.assertEq(bytes32(oracle.initLPP.selector), bytes32(bytes4(0xfaf37bc7)));
        vm.assertEq(bytes32(oracle.addLeavesLPP.selector), bytes32(bytes4(0x7917de1d)));
        vm.assertEq(bytes32(oracle.squeezeLPP.selector), bytes32(bytes4(0xd18534b5)));
        vm.assertEq(bytes32(oracle.challengeLPP.selector), bytes32(bytes4(0x3909af5c)));
        vm.assertEq(bytes32(oracle.challengeFirstLPP.selector), bytes32(bytes4(0xec5efcbc)));
    }

    // --- costs ---

    function test_uploads_cost() public {
        bytes memory input = abi.encode(keccak256("message"), 27, 5, 7);
        oracle.loadPrecompilePreimagePart(8, address(1), 3000, input);
        vm.snapshotGasLastCall("oracle", "precompile part");
        oracle.loadKeccak256PreimagePart(0, new bytes(600));
        vm.snapshotGasLastCall("oracle", "keccak part of 600 bytes");
        Large memory l = _large(136 * 10);
        _init(1, 0, l);
        vm.snapshotGasLastCall("oracle", "proposal");
        _add(1, l, 0, 11, true);
        vm.snapshotGasLastCall("oracle", "11 blocks");
        vm.warp(block.timestamp + PERIOD + 1);
        _squeeze(1, l);
        vm.snapshotGasLastCall("oracle", "squeeze");
        Large memory larger = _large(136 * 110);
        _init(3, 0, larger);
        _add(3, larger, 0, 11, false);
        _add(3, larger, 11, 111, true);
        vm.snapshotGasLastCall("oracle", "100 blocks more");
        _init(2, 0, l);
        l.commitments[5] = 0;
        _hashLeaves(l);
        _add(2, l, 0, 11, true);
        _challenge(2, l, 5);
        vm.snapshotGasLastCall("oracle", "challenge");
    }

    // --- helpers ---

    function _key(uint8 kind, bytes32 hash) private pure returns (bytes32) {
        return bytes32(uint256(hash) << 8 >> 8 | uint256(kind) << 248);
    }

    /// @dev Byte by byte from the stream.
    function _assertPart(bytes32 key, uint256 offset, bytes memory data) private view {
        bytes memory stream = abi.encodePacked(uint64(data.length), data);
        bytes memory want = new bytes(32);
        uint256 have = 0;
        for (uint256 i = 0; i < 32 && offset < stream.length && offset + i < stream.length; i++) {
            want[i] = stream[offset + i];
            have++;
        }
        (bytes32 part, uint256 count) = oracle.readPreimage(key, offset);
        vm.assertEq(part, bytes32(want));
        vm.assertEq(count, have);
    }

    function _slice(bytes memory data, uint256 from, uint256 to)
        private
        pure
        returns (bytes memory out)
    {
        out = new bytes(to - from);
        for (uint256 i = from; i < to; i++) {
            out[i - from] = data[i];
        }
    }

    function _large(uint256 size) private view returns (Large memory l) {
        l.data = new bytes(size);
        for (uint256 i = 0; i < size; i++) {
            l.data[i] = bytes1(uint8(i * 7 + i / 256 + 1));
        }
        l.padded = new bytes((size / 136 + 1) * 136);
        for (uint256 i = 0; i < size; i++) {
            l.padded[i] = l.data[i];
        }
        l.padded[size] = 0x01;
        l.padded[l.padded.length - 1] |= 0x80;
        uint256 blocks = l.padded.length / 136;
        l.commitments = new bytes32[](blocks);
        l.states = new uint64[25][](blocks);
        uint64[25] memory state;
        for (uint256 i = 0; i < blocks; i++) {
            state = sponge.absorb(state, _slice(l.padded, i * 136, i * 136 + 136));
            l.states[i] = state;
            l.commitments[i] = keccak256(abi.encode(state));
        }
        _hashLeaves(l);
    }

    function _hashLeaves(Large memory l) private pure {
        l.leaves = new bytes32[](l.commitments.length);
        for (uint256 i = 0; i < l.leaves.length; i++) {
            bytes memory input = _slice(l.padded, i * 136, i * 136 + 136);
            l.leaves[i] = keccak256(abi.encodePacked(input, i, l.commitments[i]));
        }
    }

    function _node(Large memory l, uint256 level, uint256 index) private pure returns (bytes32) {
        if (level == 0) return index < l.leaves.length ? l.leaves[index] : bytes32(0);
        if (index << level >= l.leaves.length) {
            bytes32 zero;
            for (uint256 i = 0; i < level; i++) {
                zero = keccak256(abi.encode(zero, zero));
            }
            return zero;
        }
        return
            keccak256(
                abi.encode(_node(l, level - 1, 2 * index), _node(l, level - 1, 2 * index + 1))
            );
    }

    function _leaf(Large memory l, uint256 index)
        private
        pure
        returns (PreimageOracle.Leaf memory leaf, bytes32[] memory proof)
    {
        leaf = PreimageOracle.Leaf(
            _slice(l.padded, index * 136, index * 136 + 136), index, l.commitments[index]
        );
        proof = new bytes32[](16);
        for (uint256 level = 0; level < 16; level++) {
            proof[level] = _node(l, level, index >> level ^ 1);
        }
    }

    function _init(uint256 uuid, uint32 offset, Large memory l) private {
        vm.prank(PROPOSER, PROPOSER);
        oracle.initLPP{value: 0.25 ether}(uuid, offset, uint32(l.data.length));
    }

    /// @dev Blocks [from, to).
    function _add(uint256 uuid, Large memory l, uint256 from, uint256 to, bool last) private {
        bytes32[] memory commitments = new bytes32[](to - from);
        for (uint256 i = from; i < to; i++) {
            commitments[i - from] = l.commitments[i];
        }
        bytes memory input = _slice(l.data, from * 136, last ? l.data.length : to * 136);
        vm.prank(PROPOSER, PROPOSER);
        oracle.addLeavesLPP(uuid, from, input, commitments, last);
    }

    function _challenge(uint256 uuid, Large memory l, uint256 index) private {
        (PreimageOracle.Leaf memory post, bytes32[] memory postProof) = _leaf(l, index);
        vm.prank(CHALLENGER);
        if (index == 0) {
            oracle.challengeFirstLPP(PROPOSER, uuid, post, postProof);
            return;
        }
        (PreimageOracle.Leaf memory pre, bytes32[] memory preProof) = _leaf(l, index - 1);
        oracle.challengeLPP(
            PROPOSER,
            uuid,
            PreimageOracle.StateMatrix(l.states[index - 1]),
            pre,
            preProof,
            post,
            postProof
        );
    }

    function _squeeze(uint256 uuid, Large memory l) private {
        uint256 last = l.leaves.length - 1;
        (PreimageOracle.Leaf memory pre, bytes32[] memory preProof) = _leaf(l, last - 1);
        (PreimageOracle.Leaf memory post, bytes32[] memory postProof) = _leaf(l, last);
        oracle.squeezeLPP(
            PROPOSER,
            uuid,
            PreimageOracle.StateMatrix(l.states[last - 1]),
            pre,
            preProof,
            post,
            postProof
        );
    }
}
