// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/**
 * @title FastLZ
 * @notice The length that FastLZ level 1 would compress bytes to, from which the protocol estimates
 * what a transaction costs in a batch (OP Stack specs, Fjord, L1 data fee).
 */
library FastLZ {
    /**
     * @notice Length of data after compression.
     * @dev In assembly, since callers pass whole transactions of up to 128 kB and simulate under a
     * gas cap. The hash table of 8192 positions, four bytes each, lies in memory behind the data
     * and is never allocated: nothing else is written while it is in use.
     * @param data The bytes that would be compressed.
     */
    function compressedLength(bytes memory data) internal pure returns (uint256 length) {
        assembly ("memory-safe") {
            // Three bytes as a little-endian number.
            function load24(at) -> value {
                let word := mload(at)
                value := or(byte(0, word), or(shl(8, byte(1, word)), shl(16, byte(2, word))))
            }
            // Where the table keeps the position of the last sequence with the same hash.
            function slotOf(table, sequence) -> slot {
                slot := add(table, shl(2, and(shr(19, mul(2654435769, sequence)), 0x1fff)))
            }
            function store32(slot, value) {
                let word := mload(slot)
                mstore(slot, xor(word, shl(224, xor(value, shr(224, word)))))
            }
            function literals(run) -> size {
                size := mul(33, shr(5, run))
                let rest := and(run, 31)
                if rest { size := add(size, add(rest, 1)) }
            }

            let start := add(data, 0x20)
            let total := mload(data)
            let table := mload(0x40)
            // Copying from behind the calldata writes zeros; the last slot is read as a whole word.
            calldatacopy(table, calldatasize(), 0x8020)

            // The last 13 bytes are always literals.
            let limit := mul(sub(total, 13), gt(total, 13))
            let anchor := 0
            let at := 2
            for {} lt(at, limit) {} {
                let ref := 0
                let found := 0
                for {} 1 {} {
                    let sequence := load24(add(start, at))
                    let slot := slotOf(table, sequence)
                    ref := shr(224, mload(slot))
                    store32(slot, at)
                    if iszero(lt(at, limit)) { break }
                    at := add(at, 1)
                    if iszero(gt(sub(sub(at, 1), ref), 0x1fff)) {
                        if eq(sequence, load24(add(start, ref))) {
                            found := lt(at, limit)
                            break
                        }
                    }
                }
                if iszero(found) { break }
                at := sub(at, 1)
                if gt(at, anchor) { length := add(length, literals(sub(at, anchor))) }

                // The first differing byte counts as compared.
                let compared := 0
                for { let most := sub(add(limit, 6), at) } lt(compared, most) {} {
                    let left := byte(0, mload(add(start, add(add(ref, 3), compared))))
                    let right := byte(0, mload(add(start, add(add(at, 3), compared))))
                    compared := add(compared, 1)
                    if iszero(eq(left, right)) { break }
                }
                let matched := sub(compared, 1)
                length := add(length, mul(3, div(matched, 262)))
                length := add(length, add(2, gt(mod(matched, 262), 5)))

                at := add(at, compared)
                store32(slotOf(table, load24(add(start, at))), at)
                at := add(at, 1)
                store32(slotOf(table, load24(add(start, at))), at)
                at := add(at, 1)
                anchor := at
            }
            length := add(length, literals(sub(total, anchor)))
        }
    }
}
