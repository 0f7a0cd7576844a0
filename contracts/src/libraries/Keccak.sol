// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/**
 * @title Keccak
 * @notice Keccak-f[1600] (FIPS 202, section 3.3) for proofs about single permutations, and the
 * sponge of keccak256 block by block.
 *
 * A state is 25 lanes of 64 bits, lane x + 5y at place [x, y]; in memory each takes a word of its
 * own. Written in assembly since the permutation is most of what a proof of it costs: 60 thousand
 * gas here, several times that in Solidity.
 */
library Keccak {
    /// @notice Bytes of a block of keccak256: the rate of the sponge.
    uint256 internal constant BLOCK_BYTES = 136;

    /// @notice Reverses the bytes of each of the four 64-bit numbers that make up a word: lanes are
    /// little-endian.
    function swapLanes(uint256 word) internal pure returns (uint256) {
        word = ((word & 0xff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00) >> 8)
            | ((word & 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff) << 8);
        word = ((word & 0xffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000) >> 16)
            | ((word & 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff) << 16);
        return ((word & 0xffffffff00000000ffffffff00000000ffffffff00000000ffffffff00000000) >> 32)
            | ((word & 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff) << 32);
    }

    /// @notice Keccak-f[1600] in place.
    function permute(uint64[25] memory lanes) internal pure {
        uint256 s;
        assembly ("memory-safe") {
            s := lanes
        }
        _permute(s);
    }

    /// @notice Absorbs one block into a state: what keccak256 does with each 136 bytes.
    /// @param lanes The state.
    /// @param input The block, padding included.
    function absorb(uint64[25] memory lanes, bytes calldata input) internal pure {
        assert(input.length == BLOCK_BYTES);
        for (uint256 i = 0; i < BLOCK_BYTES / 8; i++) {
            uint256 lane = swapLanes(uint64(bytes8(input[8 * i:])));
            lanes[i] ^= uint64(lane);
        }
        permute(lanes);
    }

    /// @notice The hash that a state gives after the last block.
    function squeeze(uint64[25] memory lanes) internal pure returns (bytes32) {
        uint256 word = (uint256(lanes[0]) << 192) | (uint256(lanes[1]) << 128)
            | (uint256(lanes[2]) << 64) | lanes[3];
        return bytes32(swapLanes(word));
    }

    /// @dev The rounds go from one buffer to another and back, 24 times: the result is where the
    /// state was. A 64-bit value times 2^64 + 1 is that value twice, so that one shift rotates it;
    /// factor and mask are in the scratch space of memory, since the optimizer for size would compute
    /// them anew each time.
    /// @param s Address of 25 words, each below 2^64.
    function _permute(uint256 s) private pure {
        assembly ("memory-safe") {
            mstore(0, 0x10000000000000001)
            mstore(0x20, 0xffffffffffffffff)
            // The other buffer, then the constants of the rounds up to a word of zero, which ends
            // the loop, as none of them is zero. All of it is free memory and left free.
            let t := mload(0x40)
            let i := add(t, 800)
            mstore(i, 0x0000000000000001)
            mstore(add(0x020, i), 0x0000000000008082)
            mstore(add(0x040, i), 0x800000000000808a)
            mstore(add(0x060, i), 0x8000000080008000)
            mstore(add(0x080, i), 0x000000000000808b)
            mstore(add(0x0a0, i), 0x0000000080000001)
            mstore(add(0x0c0, i), 0x8000000080008081)
            mstore(add(0x0e0, i), 0x8000000000008009)
            mstore(add(0x100, i), 0x000000000000008a)
            mstore(add(0x120, i), 0x0000000000000088)
            mstore(add(0x140, i), 0x0000000080008009)
            mstore(add(0x160, i), 0x000000008000000a)
            mstore(add(0x180, i), 0x000000008000808b)
            mstore(add(0x1a0, i), 0x800000000000008b)
            mstore(add(0x1c0, i), 0x8000000000008089)
            mstore(add(0x1e0, i), 0x8000000000008003)
            mstore(add(0x200, i), 0x8000000000008002)
            mstore(add(0x220, i), 0x8000000000000080)
            mstore(add(0x240, i), 0x000000000000800a)
            mstore(add(0x260, i), 0x800000008000000a)
            mstore(add(0x280, i), 0x8000000080008081)
            mstore(add(0x2a0, i), 0x8000000000008080)
            mstore(add(0x2c0, i), 0x0000000080000001)
            mstore(add(0x2e0, i), 0x8000000080008008)
            mstore(add(0x300, i), 0)

            for {} mload(i) { i := add(i, 0x20) } {
                // Theta: the parity of each column, and what it adds to its neighbours.
                let d0
                let d1
                let d2
                let d3
                let d4
                {
                    let c0 :=
                        xor(
                            xor(
                                xor(xor(mload(s), mload(add(0x0a0, s))), mload(add(0x140, s))),
                                mload(add(0x1e0, s))
                            ),
                            mload(add(0x280, s))
                        )
                    let c1 :=
                        xor(
                            xor(
                                xor(
                                    xor(mload(add(0x020, s)), mload(add(0x0c0, s))),
                                    mload(add(0x160, s))
                                ),
                                mload(add(0x200, s))
                            ),
                            mload(add(0x2a0, s))
                        )
                    let c2 :=
                        xor(
                            xor(
                                xor(
                                    xor(mload(add(0x040, s)), mload(add(0x0e0, s))),
                                    mload(add(0x180, s))
                                ),
                                mload(add(0x220, s))
                            ),
                            mload(add(0x2c0, s))
                        )
                    let c3 :=
                        xor(
                            xor(
                                xor(
                                    xor(mload(add(0x060, s)), mload(add(0x100, s))),
                                    mload(add(0x1a0, s))
                                ),
                                mload(add(0x240, s))
                            ),
                            mload(add(0x2e0, s))
                        )
                    let c4 :=
                        xor(
                            xor(
                                xor(
                                    xor(mload(add(0x080, s)), mload(add(0x120, s))),
                                    mload(add(0x1c0, s))
                                ),
                                mload(add(0x260, s))
                            ),
                            mload(add(0x300, s))
                        )
                    d0 := xor(c4, and(mload(0x20), shr(63, mul(mload(0), c1))))
                    d1 := xor(c0, and(mload(0x20), shr(63, mul(mload(0), c2))))
                    d2 := xor(c1, and(mload(0x20), shr(63, mul(mload(0), c3))))
                    d3 := xor(c2, and(mload(0x20), shr(63, mul(mload(0), c4))))
                    d4 := xor(c3, and(mload(0x20), shr(63, mul(mload(0), c0))))
                }
                // Row by row: rho and pi gather the row's rotated lanes, chi mixes them; iota adds
                // the constant to the first lane.
                {
                    let b0 := xor(d0, mload(s))
                    let b1 :=
                        and(mload(0x20), shr(20, mul(mload(0), xor(d1, mload(add(0x0c0, s))))))
                    let b2 :=
                        and(mload(0x20), shr(21, mul(mload(0), xor(d2, mload(add(0x180, s))))))
                    let b3 :=
                        and(mload(0x20), shr(43, mul(mload(0), xor(d3, mload(add(0x240, s))))))
                    let b4 :=
                        and(mload(0x20), shr(50, mul(mload(0), xor(d4, mload(add(0x300, s))))))
                    mstore(t, xor(mload(i), xor(b0, and(b2, not(b1)))))
                    mstore(add(0x020, t), xor(b1, and(b3, not(b2))))
                    mstore(add(0x040, t), xor(b2, and(b4, not(b3))))
                    mstore(add(0x060, t), xor(b3, and(b0, not(b4))))
                    mstore(add(0x080, t), xor(b4, and(b1, not(b0))))
                }
                {
                    let b0 :=
                        and(mload(0x20), shr(36, mul(mload(0), xor(d3, mload(add(0x060, s))))))
                    let b1 :=
                        and(mload(0x20), shr(44, mul(mload(0), xor(d4, mload(add(0x120, s))))))
                    let b2 :=
                        and(mload(0x20), shr(61, mul(mload(0), xor(d0, mload(add(0x140, s))))))
                    let b3 :=
                        and(mload(0x20), shr(19, mul(mload(0), xor(d1, mload(add(0x200, s))))))
                    let b4 := and(mload(0x20), shr(3, mul(mload(0), xor(d2, mload(add(0x2c0, s))))))
                    mstore(add(0x0a0, t), xor(b0, and(b2, not(b1))))
                    mstore(add(0x0c0, t), xor(b1, and(b3, not(b2))))
                    mstore(add(0x0e0, t), xor(b2, and(b4, not(b3))))
                    mstore(add(0x100, t), xor(b3, and(b0, not(b4))))
                    mstore(add(0x120, t), xor(b4, and(b1, not(b0))))
                }
                {
                    let b0 :=
                        and(mload(0x20), shr(63, mul(mload(0), xor(d1, mload(add(0x020, s))))))
                    let b1 :=
                        and(mload(0x20), shr(58, mul(mload(0), xor(d2, mload(add(0x0e0, s))))))
                    let b2 :=
                        and(mload(0x20), shr(39, mul(mload(0), xor(d3, mload(add(0x1a0, s))))))
                    let b3 :=
                        and(mload(0x20), shr(56, mul(mload(0), xor(d4, mload(add(0x260, s))))))
                    let b4 :=
                        and(mload(0x20), shr(46, mul(mload(0), xor(d0, mload(add(0x280, s))))))
                    mstore(add(0x140, t), xor(b0, and(b2, not(b1))))
                    mstore(add(0x160, t), xor(b1, and(b3, not(b2))))
                    mstore(add(0x180, t), xor(b2, and(b4, not(b3))))
                    mstore(add(0x1a0, t), xor(b3, and(b0, not(b4))))
                    mstore(add(0x1c0, t), xor(b4, and(b1, not(b0))))
                }
                {
                    let b0 :=
                        and(mload(0x20), shr(37, mul(mload(0), xor(d4, mload(add(0x080, s))))))
                    let b1 :=
                        and(mload(0x20), shr(28, mul(mload(0), xor(d0, mload(add(0x0a0, s))))))
                    let b2 :=
                        and(mload(0x20), shr(54, mul(mload(0), xor(d1, mload(add(0x160, s))))))
                    let b3 :=
                        and(mload(0x20), shr(49, mul(mload(0), xor(d2, mload(add(0x220, s))))))
                    let b4 := and(mload(0x20), shr(8, mul(mload(0), xor(d3, mload(add(0x2e0, s))))))
                    mstore(add(0x1e0, t), xor(b0, and(b2, not(b1))))
                    mstore(add(0x200, t), xor(b1, and(b3, not(b2))))
                    mstore(add(0x220, t), xor(b2, and(b4, not(b3))))
                    mstore(add(0x240, t), xor(b3, and(b0, not(b4))))
                    mstore(add(0x260, t), xor(b4, and(b1, not(b0))))
                }
                {
                    let b0 := and(mload(0x20), shr(2, mul(mload(0), xor(d2, mload(add(0x040, s))))))
                    let b1 := and(mload(0x20), shr(9, mul(mload(0), xor(d3, mload(add(0x100, s))))))
                    let b2 :=
                        and(mload(0x20), shr(25, mul(mload(0), xor(d4, mload(add(0x1c0, s))))))
                    let b3 :=
                        and(mload(0x20), shr(23, mul(mload(0), xor(d0, mload(add(0x1e0, s))))))
                    let b4 :=
                        and(mload(0x20), shr(62, mul(mload(0), xor(d1, mload(add(0x2a0, s))))))
                    mstore(add(0x280, t), xor(b0, and(b2, not(b1))))
                    mstore(add(0x2a0, t), xor(b1, and(b3, not(b2))))
                    mstore(add(0x2c0, t), xor(b2, and(b4, not(b3))))
                    mstore(add(0x2e0, t), xor(b3, and(b0, not(b4))))
                    mstore(add(0x300, t), xor(b4, and(b1, not(b0))))
                }
                let u := s
                s := t
                t := u
            }
        }
    }
}
