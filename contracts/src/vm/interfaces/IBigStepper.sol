// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IPreimageOracle} from "./IPreimageOracle.sol";

/// @title IBigStepper
/// @notice A machine of which one step can be computed on L1 (OP Stack specs, fault dispute game).
interface IBigStepper {
    /// @notice Computes one step.
    /// @param stateData    Witness of the state before it.
    /// @param proof        What the step reads and writes beyond that.
    /// @param localContext Under which the caller has loaded its local data into the oracle.
    /// @return postState   Hash of the state after it.
    function step(bytes calldata stateData, bytes calldata proof, bytes32 localContext)
        external
        returns (bytes32 postState);

    /// @notice Where the machine reads preimages.
    function oracle() external view returns (IPreimageOracle);
}
