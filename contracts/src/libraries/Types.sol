// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title Types
/// @notice The structs of withdrawals (OP Stack specs, withdrawals and proposals).
library Types {
    /**
     * @notice A message from L2 to L1.
     * @custom:field nonce    Nonce of the message passer, message version in its top two bytes.
     * @custom:field sender   Account on L2 that sent it.
     * @custom:field target   Address that it calls on L1.
     * @custom:field value    Wei that it carries.
     * @custom:field gasLimit Least gas of the call on L1.
     * @custom:field data     Calldata of the call on L1.
     */
    struct WithdrawalTransaction {
        uint256 nonce;
        address sender;
        address target;
        uint256 value;
        uint256 gasLimit;
        bytes data;
    }

    /**
     * @notice What an output root commits to.
     * @custom:field version                  Zero.
     * @custom:field stateRoot                State root of the L2 block.
     * @custom:field messagePasserStorageRoot Storage root of the message passer at that block.
     * @custom:field latestBlockhash          Hash of that block.
     */
    struct OutputRootProof {
        bytes32 version;
        bytes32 stateRoot;
        bytes32 messagePasserStorageRoot;
        bytes32 latestBlockhash;
    }
}
