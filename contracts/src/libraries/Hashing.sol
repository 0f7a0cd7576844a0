// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Types} from "./Types.sol";

/// @title Hashing
/// @notice The hashes by which L1 knows withdrawals and outputs of L2.
library Hashing {
    /// @notice Hash of a withdrawal, as L2ToL1MessagePasser stores it (OP Stack specs, withdrawals).
    function hashWithdrawal(Types.WithdrawalTransaction calldata transaction)
        internal
        pure
        returns (bytes32)
    {
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

    /// @notice Output root of version 0 (OP Stack specs, proposals, L2 output commitment).
    function hashOutputRootProof(Types.OutputRootProof calldata proof)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                proof.version,
                proof.stateRoot,
                proof.messagePasserStorageRoot,
                proof.latestBlockhash
            )
        );
    }
}
