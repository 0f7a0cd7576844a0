// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {MerkleTrie} from "./MerkleTrie.sol";

/// @title WithdrawalProof
/// @notice Proofs that a withdrawal was initiated on L2.
library WithdrawalProof {
    /**
     * @notice Whether the message passer's storage holds a withdrawal.
     *
     * The mapping of sent messages is slot 0 of L2ToL1MessagePasser; storage tries are keyed by the
     * hash of the slot, and the value is the RLP encoding of true (OP Stack specs, withdrawals).
     *
     * @param withdrawalHash Hash of the withdrawal.
     * @param storageRoot    Storage root of the message passer.
     * @param proof          Nodes from the root to the leaf; see MerkleTrie.
     */
    function verify(bytes32 withdrawalHash, bytes32 storageRoot, bytes[] calldata proof)
        internal
        pure
        returns (bool)
    {
        bytes32 slot = keccak256(abi.encode(withdrawalHash, uint256(0)));
        bytes calldata value = MerkleTrie.get(storageRoot, keccak256(abi.encode(slot)), proof);
        return value.length == 1 && value[0] == 0x01;
    }
}
