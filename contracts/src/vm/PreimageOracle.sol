// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Keccak} from "../libraries/Keccak.sol";
import {PreimageKey} from "../libraries/PreimageKey.sol";
import {IPreimageOracle} from "./interfaces/IPreimageOracle.sol";

/**
 * @title PreimageOracle
 * @notice Holds the parts of preimages that steps of the fault-proof machine read (OP Stack specs,
 * fault proof, pre-image oracle).
 *
 * The stream of a preimage is its length, 8 bytes, and its bytes; a part is 32 bytes of it, with
 * zeros behind the end. A part may start anywhere, beyond the end too, so that whatever the machine
 * asks for can be loaded.
 *
 * A preimage that is too large for one transaction is proposed: its 136-byte blocks are added over
 * many transactions, each with a commitment to the state of Keccak after it, as the leaves of a
 * tree; whoever finds a wrong one within the challenge period proves it by one permutation and takes
 * the proposer's bond; otherwise the last permutation is made here and the part loaded.
 *
 * | slot | content                                                    |
 * |------|------------------------------------------------------------|
 * | 0    | lengths of preimages by key                                |
 * | 1    | parts by key and offset                                    |
 * | 2    | which parts are loaded, by key and offset                  |
 * | 3    | proposers and numbers of all proposals                     |
 * | 4    | state of proposals by proposer and number                  |
 * | 5    | bonds of proposals                                         |
 * | 6    | trees of proposals: the last left node of each level       |
 * | 7    | parts of proposals                                         |
 * | 8    | numbers of the L1 blocks in which leaves were added        |
 */
contract PreimageOracle is IPreimageOracle {
    /**
     * @notice One block of a large preimage.
     * @custom:field input           Its 136 bytes, padding included.
     * @custom:field index           Its number.
     * @custom:field stateCommitment keccak256 of the 25 lanes after it, 32 bytes each.
     */
    struct Leaf {
        bytes input;
        uint256 index;
        bytes32 stateCommitment;
    }

    /**
     * @notice A state of Keccak.
     * @custom:field state Its lanes.
     */
    struct StateMatrix {
        uint64[25] state;
    }

    /**
     * @notice Names a proposal.
     * @custom:field claimant Its proposer.
     * @custom:field uuid     The number that it has chosen.
     */
    struct LargePreimageProposalKeys {
        address claimant;
        uint256 uuid;
    }

    /**
     * @notice State of a proposal.
     * @custom:field timestamp       When the last block was added, in seconds; 0 before.
     * @custom:field partOffset      Where the part starts that it will load.
     * @custom:field claimedSize     Bytes of the preimage.
     * @custom:field blocksProcessed Blocks added.
     * @custom:field bytesProcessed  Bytes added.
     * @custom:field countered       A wrong commitment was proven.
     */
    struct Proposal {
        uint64 timestamp;
        uint32 partOffset;
        uint32 claimedSize;
        uint32 blocksProcessed;
        uint32 bytesProcessed;
        bool countered;
    }

    /// @notice Levels of a proposal's tree.
    uint256 public constant KECCAK_TREE_DEPTH = 16;

    /// @notice Most blocks that a proposal can have.
    uint256 public constant MAX_LEAF_COUNT = 2 ** KECCAK_TREE_DEPTH - 1;

    /// @notice Least bond of a proposal, in wei.
    uint256 public constant MIN_BOND_SIZE = 0.25 ether;

    /// @notice Gas that must be left beside that of a precompile: to write the answer.
    uint256 public constant PRECOMPILE_CALL_RESERVED_GAS = 200_000;

    uint256 private constant LENGTH_BYTES = 8;

    uint256 private immutable _MIN_PROPOSAL_SIZE;
    uint256 private immutable _CHALLENGE_PERIOD;

    /// @notice Length of a preimage of which a part is loaded.
    mapping(bytes32 key => uint256) public preimageLengths;

    /// @notice A part of a preimage.
    mapping(bytes32 key => mapping(uint256 offset => bytes32)) public preimageParts;

    /// @notice Whether a part is loaded.
    mapping(bytes32 key => mapping(uint256 offset => bool)) public preimagePartOk;

    /// @notice All proposals ever made.
    LargePreimageProposalKeys[] public proposals;

    mapping(address claimant => mapping(uint256 uuid => Proposal)) private _proposals;

    /// @notice Bond of a proposal, until it is paid out.
    mapping(address claimant => mapping(uint256 uuid => uint256)) public proposalBonds;

    /// @notice Nodes of a proposal's tree that wait for their right sibling, by level.
    mapping(address claimant => mapping(uint256 uuid => bytes32[KECCAK_TREE_DEPTH])) public
        proposalBranches;

    /// @notice What is known of the part that a proposal will load.
    mapping(address claimant => mapping(uint256 uuid => bytes32)) public proposalParts;

    /// @notice The L1 blocks in which leaves were added to a proposal.
    mapping(address claimant => mapping(uint256 uuid => uint64[])) public proposalBlocks;

    /// @notice The part was not loaded.
    error PreimageOracle_PartNotLoaded();

    /// @notice Local data is of at most 32 bytes.
    error PreimageOracle_TooLarge();

    /// @notice The transaction cannot give the precompile all the gas of the key and keep enough.
    error PreimageOracle_NotEnoughGas();

    /// @notice Blobs are not supported.
    error PreimageOracle_BlobsUnsupported();

    /// @notice The setting makes no sense.
    error PreimageOracle_BadSetting();

    /// @notice The bond is too small.
    error PreimageOracle_InsufficientBond();

    /// @notice The bond could not be paid.
    error PreimageOracle_BondTransferFailed();

    /// @notice Only accounts that a key holds may propose.
    error PreimageOracle_NotEOA();

    /// @notice The preimage is too small for a proposal, or its blocks are not as announced.
    error PreimageOracle_InvalidInputSize();

    /// @notice There is a proposal of this number already.
    error PreimageOracle_AlreadyInitialized();

    /// @notice There is no such proposal.
    error PreimageOracle_NotInitialized();

    /// @notice All blocks were added already.
    error PreimageOracle_AlreadyFinalized();

    /// @notice These are not the blocks that come next.
    error PreimageOracle_WrongStartingBlock();

    /// @notice More blocks than the tree has leaves.
    error PreimageOracle_TreeSizeOverflow();

    /// @notice The leaves are not in the tree.
    error PreimageOracle_InvalidProof();

    /// @notice The state is not the one committed to.
    error PreimageOracle_InvalidPreimage();

    /// @notice The leaves do not follow each other as they have to.
    error PreimageOracle_StatesNotContiguous();

    /// @notice The commitment is right.
    error PreimageOracle_PostStateMatches();

    /// @notice The proposal has been proven wrong.
    error PreimageOracle_BadProposal();

    /// @notice The proposal can still be challenged.
    error PreimageOracle_ActiveProposal();

    /// @param minProposalSizeBytes   Least bytes of a preimage that may be proposed: at least one
    /// block, so that there is a state before the last one.
    /// @param challengePeriodSeconds Seconds in which a proposal can be challenged.
    constructor(uint256 minProposalSizeBytes, uint256 challengePeriodSeconds) {
        if (minProposalSizeBytes < Keccak.BLOCK_BYTES || challengePeriodSeconds > type(uint64).max)
        {
            revert PreimageOracle_BadSetting();
        }
        _MIN_PROPOSAL_SIZE = minProposalSizeBytes;
        _CHALLENGE_PERIOD = challengePeriodSeconds;
    }

    /// @inheritdoc IPreimageOracle
    function loadLocalData(
        uint256 ident,
        bytes32 localContext,
        bytes32 word,
        uint256 size,
        uint256 partOffset
    ) external returns (bytes32 key) {
        if (size > 32) revert PreimageOracle_TooLarge();
        bytes memory data = abi.encodePacked(word);
        assembly ("memory-safe") {
            mstore(data, size)
        }
        key = PreimageKey.localize(
            PreimageKey.make(PreimageKey.LOCAL, bytes32(ident)), msg.sender, localContext
        );
        _load(key, partOffset, data);
    }

    /// @notice Loads a part of a preimage of keccak256.
    /// @param partOffset Where the part starts.
    /// @param preimage   All of it.
    function loadKeccak256PreimagePart(uint256 partOffset, bytes calldata preimage) external {
        bytes memory data = preimage;
        _load(PreimageKey.make(PreimageKey.KECCAK256, keccak256(data)), partOffset, data);
    }

    /// @notice Loads a part of a preimage of sha256.
    /// @param partOffset Where the part starts.
    /// @param preimage   All of it.
    function loadSha256PreimagePart(uint256 partOffset, bytes calldata preimage) external {
        bytes memory data = preimage;
        _load(PreimageKey.make(PreimageKey.SHA256, sha256(data)), partOffset, data);
    }

    /// @notice Refuses: the key of blobs is reserved, and chains of this kind read none.
    function loadBlobPreimagePart(uint256, uint256, bytes calldata, bytes calldata, uint256)
        external
        pure
    {
        revert PreimageOracle_BlobsUnsupported();
    }

    /// @notice Loads a part of what a precompile answers: 1 and its output, or 0 when it fails.
    /// @param partOffset  Where the part starts.
    /// @param precompile  Its address.
    /// @param requiredGas The gas it gets: exactly this, so that the key alone decides the answer.
    /// @param input       What it is called with.
    function loadPrecompilePreimagePart(
        uint256 partOffset,
        address precompile,
        uint64 requiredGas,
        bytes calldata input
    ) external {
        bytes memory request = abi.encodePacked(precompile, requiredGas, input);
        bytes32 key = PreimageKey.make(PreimageKey.PRECOMPILE, keccak256(request));
        // EIP-150: a call gets at most 63/64 of what is left, and silently less than it asks for.
        // Nothing between here and the call grows memory.
        uint256 needed = uint256(requiredGas) + PRECOMPILE_CALL_RESERVED_GAS;
        if (gasleft() * 63 < needed * 64) revert PreimageOracle_NotEnoughGas();
        bytes memory answer;
        assembly ("memory-safe") {
            // The input lies in the request behind the length, the address and the gas.
            let ok := staticcall(requiredGas, precompile, add(request, 60), input.length, 0, 0)
            answer := mload(0x40)
            let size := returndatasize()
            mstore(0x40, and(add(add(answer, size), 64), not(31)))
            mstore(answer, add(size, 1))
            mstore8(add(answer, 32), ok)
            returndatacopy(add(answer, 33), 0, size)
        }
        _load(key, partOffset, answer);
    }

    /// @notice Announces a preimage of keccak256 in blocks.
    /// @param uuid        A number for it, new for the caller.
    /// @param partOffset  Where the part starts that is to be loaded.
    /// @param claimedSize Bytes of the preimage.
    function initLPP(uint256 uuid, uint32 partOffset, uint32 claimedSize) external payable {
        if (msg.value < MIN_BOND_SIZE) revert PreimageOracle_InsufficientBond();
        _requireEOA();
        if (claimedSize < _MIN_PROPOSAL_SIZE) revert PreimageOracle_InvalidInputSize();
        Proposal storage proposal = _proposals[msg.sender][uuid];
        if (proposal.claimedSize != 0) revert PreimageOracle_AlreadyInitialized();
        proposal.partOffset = partOffset;
        proposal.claimedSize = claimedSize;
        proposals.push(LargePreimageProposalKeys(msg.sender, uuid));
        proposalBonds[msg.sender][uuid] = msg.value;
        proposalParts[msg.sender][uuid] = _cut(partOffset, 0, abi.encodePacked(uint64(claimedSize)));
    }

    /// @notice Adds blocks to the caller's proposal. An anonymous log of the caller and the call
    /// data lets everybody check them.
    /// @param uuid             The proposal.
    /// @param inputStartBlock  Number of the first block.
    /// @param input            The blocks; the last ones without their padding.
    /// @param stateCommitments Commitment to the state of Keccak after each.
    /// @param finalize         Whether these are the last.
    function addLeavesLPP(
        uint256 uuid,
        uint256 inputStartBlock,
        bytes calldata input,
        bytes32[] calldata stateCommitments,
        bool finalize
    ) external {
        _requireEOA();
        Proposal memory proposal = _proposals[msg.sender][uuid];
        if (proposal.claimedSize == 0) revert PreimageOracle_NotInitialized();
        if (proposal.timestamp != 0) revert PreimageOracle_AlreadyFinalized();
        if (proposal.blocksProcessed != inputStartBlock) {
            revert PreimageOracle_WrongStartingBlock();
        }

        bytes memory blocks = input;
        proposalParts[
            msg.sender
        ][uuid] |= _cut(proposal.partOffset, LENGTH_BYTES + proposal.bytesProcessed, blocks);
        if (finalize) blocks = _pad(input);
        if (blocks.length != stateCommitments.length * Keccak.BLOCK_BYTES) {
            revert PreimageOracle_InvalidInputSize();
        }
        uint256 count = inputStartBlock + stateCommitments.length;
        if (count > MAX_LEAF_COUNT) revert PreimageOracle_TreeSizeOverflow();
        proposalBranches[msg.sender][uuid] = _addLeaves(
            proposalBranches[msg.sender][uuid], inputStartBlock, blocks, stateCommitments
        );
        proposalBlocks[msg.sender][uuid].push(uint64(block.number));

        // No proposal gets more bytes than its tree has room for, 9 million.
        proposal.blocksProcessed = uint32(count);
        proposal.bytesProcessed += uint32(input.length);
        if (finalize) {
            if (proposal.bytesProcessed != proposal.claimedSize) {
                revert PreimageOracle_InvalidInputSize();
            }
            proposal.timestamp = uint64(block.timestamp);
        }
        _proposals[msg.sender][uuid] = proposal;

        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, shl(96, caller()))
            calldatacopy(add(free, 20), 0, calldatasize())
            log0(free, add(20, calldatasize()))
        }
    }

    /// @notice Proves that a block of a proposal does not lead from the state before it to the one
    /// committed to, and takes the bond.
    /// @param claimant       The proposer.
    /// @param uuid           The proposal.
    /// @param stateMatrix    The state before.
    /// @param preState       The block that leads to it.
    /// @param preStateProof  Its siblings in the tree, bottom up.
    /// @param postState      The block in question.
    /// @param postStateProof Its siblings.
    function challengeLPP(
        address claimant,
        uint256 uuid,
        StateMatrix memory stateMatrix,
        Leaf calldata preState,
        bytes32[] calldata preStateProof,
        Leaf calldata postState,
        bytes32[] calldata postStateProof
    ) external {
        _requirePair(
            claimant, uuid, stateMatrix, preState, preStateProof, postState, postStateProof
        );
        _counter(claimant, uuid, stateMatrix.state, postState);
    }

    /// @notice The same for the first block, before which the state is zero.
    /// @param claimant       The proposer.
    /// @param uuid           The proposal.
    /// @param postState      The block.
    /// @param postStateProof Its siblings in the tree, bottom up.
    function challengeFirstLPP(
        address claimant,
        uint256 uuid,
        Leaf calldata postState,
        bytes32[] calldata postStateProof
    ) external {
        _requireLeaf(getTreeRootLPP(claimant, uuid), postState, postStateProof);
        if (postState.index != 0) revert PreimageOracle_StatesNotContiguous();
        StateMatrix memory stateMatrix;
        _counter(claimant, uuid, stateMatrix.state, postState);
    }

    /// @notice Loads the part of a proposal that nobody has challenged in time, and gives the bond
    /// back.
    /// @param claimant       The proposer.
    /// @param uuid           The proposal.
    /// @param stateMatrix    The state before the last block.
    /// @param preState       The block that leads to it.
    /// @param preStateProof  Its siblings in the tree, bottom up.
    /// @param postState      The last block.
    /// @param postStateProof Its siblings.
    function squeezeLPP(
        address claimant,
        uint256 uuid,
        StateMatrix memory stateMatrix,
        Leaf calldata preState,
        bytes32[] calldata preStateProof,
        Leaf calldata postState,
        bytes32[] calldata postStateProof
    ) external {
        _requirePair(
            claimant, uuid, stateMatrix, preState, preStateProof, postState, postStateProof
        );
        _squeeze(claimant, uuid, stateMatrix.state, postState);
        _payBond(claimant, uuid, claimant);
    }

    /// @inheritdoc IPreimageOracle
    function readPreimage(bytes32 key, uint256 offset)
        external
        view
        returns (bytes32 part, uint256 count)
    {
        if (!preimagePartOk[key][offset]) revert PreimageOracle_PartNotLoaded();
        uint256 end = preimageLengths[key] + LENGTH_BYTES;
        uint256 left = offset < end ? end - offset : 0;
        return (preimageParts[key][offset], left < 32 ? left : 32);
    }

    /// @notice How many proposals were ever made.
    function proposalCount() external view returns (uint256) {
        return proposals.length;
    }

    /// @notice In how many transactions leaves were added to a proposal.
    /// @param claimant The proposer.
    /// @param uuid     The proposal.
    function proposalBlocksLen(address claimant, uint256 uuid) external view returns (uint256) {
        return proposalBlocks[claimant][uuid].length;
    }

    /// @notice State of a proposal in one word: timestamp 8 bytes, part's offset, claimed size,
    /// blocks and bytes added 4 each, and whether it was countered 8.
    /// @param claimant The proposer.
    /// @param uuid     The proposal.
    function proposalMetadata(address claimant, uint256 uuid) external view returns (bytes32) {
        Proposal memory proposal = _proposals[claimant][uuid];
        return bytes32(
            abi.encodePacked(
                proposal.timestamp,
                proposal.partOffset,
                proposal.claimedSize,
                proposal.blocksProcessed,
                proposal.bytesProcessed,
                uint64(proposal.countered ? 1 : 0)
            )
        );
    }

    /// @notice Least bytes of a preimage that may be proposed.
    function minProposalSize() external view returns (uint256) {
        return _MIN_PROPOSAL_SIZE;
    }

    /// @inheritdoc IPreimageOracle
    function challengePeriod() external view returns (uint256) {
        return _CHALLENGE_PERIOD;
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.1.4";
    }

    /// @notice Root of a proposal's tree as it stands; leaves not yet added are zero.
    /// @param claimant The proposer.
    /// @param uuid     The proposal.
    function getTreeRootLPP(address claimant, uint256 uuid) public view returns (bytes32 root) {
        uint256 size = _proposals[claimant][uuid].blocksProcessed;
        bytes32[KECCAK_TREE_DEPTH] storage branch = proposalBranches[claimant][uuid];
        bytes32 zero;
        for (uint256 height = 0; height < KECCAK_TREE_DEPTH; height++) {
            root = size & 1 == 1 ? _node(branch[height], root) : _node(root, zero);
            zero = _node(zero, zero);
            size >>= 1;
        }
    }

    /// @dev Loads a part of a whole preimage.
    function _load(bytes32 key, uint256 offset, bytes memory data) private {
        bytes32 part = _cut(offset, 0, abi.encodePacked(uint64(data.length)))
            | _cut(offset, LENGTH_BYTES, data);
        _set(key, offset, data.length, part);
    }

    function _set(bytes32 key, uint256 offset, uint256 length, bytes32 part) private {
        preimagePartOk[key][offset] = true;
        preimageParts[key][offset] = part;
        preimageLengths[key] = length;
    }

    /// @dev Loads the part of a proposal that stands, after the permutation of its last block.
    function _squeeze(
        address claimant,
        uint256 uuid,
        uint64[25] memory state,
        Leaf calldata postState
    ) private {
        Proposal memory proposal = _proposals[claimant][uuid];
        if (proposal.countered) revert PreimageOracle_BadProposal();
        if (proposal.timestamp == 0 || block.timestamp - proposal.timestamp <= _CHALLENGE_PERIOD) {
            revert PreimageOracle_ActiveProposal();
        }
        if (postState.index + 1 != proposal.blocksProcessed) {
            revert PreimageOracle_StatesNotContiguous();
        }
        Keccak.absorb(state, postState.input);
        _set(
            PreimageKey.make(PreimageKey.KECCAK256, Keccak.squeeze(state)),
            proposal.partOffset,
            proposal.claimedSize,
            proposalParts[claimant][uuid]
        );
    }

    /// @dev Marks a proposal as wrong if the block leads elsewhere, and pays its bond to the caller.
    function _counter(
        address claimant,
        uint256 uuid,
        uint64[25] memory state,
        Leaf calldata postState
    ) private {
        Keccak.absorb(state, postState.input);
        if (_commitment(state) == postState.stateCommitment) {
            revert PreimageOracle_PostStateMatches();
        }
        _proposals[claimant][uuid].countered = true;
        _payBond(claimant, uuid, msg.sender);
    }

    function _payBond(address claimant, uint256 uuid, address to) private {
        uint256 bond = proposalBonds[claimant][uuid];
        proposalBonds[claimant][uuid] = 0;
        (bool ok,) = to.call{value: bond}("");
        if (!ok) revert PreimageOracle_BondTransferFailed();
    }

    /// @dev Demands that two blocks of a proposal follow each other, with this state between them.
    function _requirePair(
        address claimant,
        uint256 uuid,
        StateMatrix memory stateMatrix,
        Leaf calldata preState,
        bytes32[] calldata preStateProof,
        Leaf calldata postState,
        bytes32[] calldata postStateProof
    ) private view {
        bytes32 root = getTreeRootLPP(claimant, uuid);
        _requireLeaf(root, preState, preStateProof);
        _requireLeaf(root, postState, postStateProof);
        if (_commitment(stateMatrix.state) != preState.stateCommitment) {
            revert PreimageOracle_InvalidPreimage();
        }
        if (preState.index + 1 != postState.index) revert PreimageOracle_StatesNotContiguous();
    }

    /// @dev The inputs of an account held by a key stand in the blocks of L1.
    function _requireEOA() private view {
        // The transaction's own sender, on purpose.
        if (msg.sender != tx.origin) revert PreimageOracle_NotEOA();
    }

    /// @dev Adds leaves to a tree of which the branch holds, per level, the last node on the left.
    function _addLeaves(
        bytes32[KECCAK_TREE_DEPTH] memory branch,
        uint256 index,
        bytes memory blocks,
        bytes32[] calldata stateCommitments
    ) private pure returns (bytes32[KECCAK_TREE_DEPTH] memory) {
        // In assembly since large preimages have ten thousands of blocks. With its copies and its
        // part of the log a block costs 2,330 gas, of which the log is 1,344.
        assembly ("memory-safe") {
            let leaf := mload(0x40)
            let input := add(blocks, 32)
            let commitment := stateCommitments.offset
            let end := add(commitment, shl(5, stateCommitments.length))
            for {} lt(commitment, end) { commitment := add(commitment, 32) } {
                mcopy(leaf, input, 136)
                mstore(add(leaf, 136), index)
                mstore(add(leaf, 168), calldataload(commitment))
                let node := keccak256(leaf, 200)
                input := add(input, 136)
                index := add(index, 1)
                // As many levels are complete as the count of leaves has zeros at its end.
                let place := branch
                for { let size := index } iszero(and(size, 1)) { size := shr(1, size) } {
                    mstore(0, mload(place))
                    mstore(32, node)
                    node := keccak256(0, 64)
                    place := add(place, 32)
                }
                mstore(place, node)
            }
        }
        return branch;
    }

    /// @dev Padding of keccak256 to whole blocks: a first bit, zeros, a last bit.
    function _pad(bytes memory input) private pure returns (bytes memory padded) {
        uint256 room = Keccak.BLOCK_BYTES - input.length % Keccak.BLOCK_BYTES;
        padded = bytes.concat(input, new bytes(room));
        padded[input.length] = 0x01;
        padded[padded.length - 1] |= 0x80;
    }

    function _requireLeaf(bytes32 root, Leaf calldata leaf, bytes32[] calldata proof) private pure {
        if (proof.length != KECCAK_TREE_DEPTH || leaf.input.length != Keccak.BLOCK_BYTES) {
            revert PreimageOracle_InvalidProof();
        }
        uint256 index = leaf.index;
        bytes32 node = keccak256(abi.encodePacked(leaf.input, index, leaf.stateCommitment));
        for (uint256 height = 0; height < KECCAK_TREE_DEPTH; height++) {
            node = index & 1 == 1 ? _node(proof[height], node) : _node(node, proof[height]);
            index >>= 1;
        }
        if (index != 0 || node != root) revert PreimageOracle_InvalidProof();
    }

    function _commitment(uint64[25] memory state) private pure returns (bytes32) {
        return keccak256(abi.encode(state));
    }

    function _node(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(left, right));
    }

    /// @dev What bytes that start at a place of a stream give to the part at an offset: themselves
    /// where they overlap, zeros elsewhere.
    function _cut(uint256 offset, uint256 place, bytes memory data) private pure returns (bytes32) {
        if (offset >= place) return _word(data, offset - place);
        uint256 distance = place - offset;
        return distance < 32 ? _word(data, 0) >> (8 * distance) : bytes32(0);
    }

    /// @dev The 32 bytes from an index on, zeros behind the end.
    function _word(bytes memory data, uint256 index) private pure returns (bytes32 word) {
        if (index >= data.length) return 0;
        assembly ("memory-safe") {
            word := mload(add(add(data, 32), index))
        }
        uint256 left = data.length - index;
        if (left < 32) word = (word >> (256 - 8 * left)) << (256 - 8 * left);
    }
}
