// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {PreimageKey} from "../../src/libraries/PreimageKey.sol";
import {IBigStepper} from "../../src/vm/interfaces/IBigStepper.sol";
import {IPreimageOracle} from "../../src/vm/interfaces/IPreimageOracle.sol";

/// @title SpinVM
/// @notice A machine whose whole trace is known beforehand. Its first two steps read what is
/// disputed through the oracle, the last of LENGTH steps judges it, and those between do nothing.
/// The output root of block n ends in n, so that the machine sees which block it starts from; blocks
/// after SAFE cannot be derived from L1, and stand for SAFE.
contract SpinVM is IBigStepper {
    /// A state. Until it has ended the status is 3.
    struct State {
        uint256 step;
        bytes32 starting;
        bytes32 disputed;
        uint256 number;
        uint8 status;
    }

    IPreimageOracle public immutable oracle;
    uint256 public immutable LENGTH;
    uint256 public immutable SAFE;
    bytes32 private immutable ANCHOR;
    uint256 private immutable ANCHOR_NUMBER;

    constructor(
        IPreimageOracle preimages,
        uint256 length,
        uint256 safe,
        bytes32 anchor,
        uint256 anchorNumber
    ) {
        oracle = preimages;
        LENGTH = length;
        SAFE = safe;
        ANCHOR = anchor;
        ANCHOR_NUMBER = anchorNumber;
    }

    function step(bytes calldata stateData, bytes calldata proof, bytes32 localContext)
        external
        view
        returns (bytes32)
    {
        require(proof.length == 0, "no proof needed");
        State memory s = abi.decode(stateData, (State));
        if (s.status != 3) return hashOf(s);
        ++s.step;
        if (s.step == 1) s.starting = _read(2, localContext);
        if (s.step == 1) s.disputed = _read(3, localContext);
        if (s.step == 2) s.number = uint256(_read(4, localContext)) >> 192;
        if (s.step == LENGTH) s.status = judge(s.starting, s.disputed, s.number);
        return hashOf(s);
    }

    /// The state after so many steps, if the machine is told these things.
    function stateAt(bytes32 starting, bytes32 disputed, uint256 number, uint256 steps)
        public
        view
        returns (State memory s)
    {
        s.step = steps < LENGTH ? steps : LENGTH;
        if (steps >= 1) s.starting = starting;
        if (steps >= 1) s.disputed = disputed;
        if (steps >= 2) s.number = number;
        s.status = steps < LENGTH ? 3 : judge(starting, disputed, number);
    }

    /// The status with which the machine ends: 0 valid, 1 invalid, 2 panic.
    function judge(bytes32 starting, bytes32 disputed, uint256 number) public view returns (uint8) {
        uint256 from = starting == ANCHOR ? ANCHOR_NUMBER : uint256(starting) & type(uint64).max;
        if (starting != ANCHOR && starting != output(from)) return 2;
        if (number < from) return 1;
        return disputed == output(number) ? 0 : 1;
    }

    /// The right output root of a block.
    function output(uint256 number) public view returns (bytes32) {
        if (number > SAFE) number = SAFE;
        if (number == ANCHOR_NUMBER) return ANCHOR;
        bytes32 hash = keccak256(abi.encode("output", number));
        return (hash >> 64 << 64) | bytes32(number);
    }

    function hashOf(State memory s) public pure returns (bytes32) {
        bytes32 hash = keccak256(abi.encode(s));
        return (hash << 8 >> 8) | bytes32(uint256(s.status) << 248);
    }

    function absolutePrestate() external view returns (bytes32) {
        return hashOf(stateAt(0, 0, 0, 0));
    }

    function _read(uint256 ident, bytes32 localContext) private view returns (bytes32 part) {
        bytes32 key = PreimageKey.localize(
            PreimageKey.make(PreimageKey.LOCAL, bytes32(ident)), msg.sender, localContext
        );
        (part,) = oracle.readPreimage(key, 8);
    }
}
