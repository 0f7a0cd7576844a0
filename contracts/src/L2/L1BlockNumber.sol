// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Constants} from "../libraries/Constants.sol";
import {L1Block} from "./L1Block.sol";

/**
 * @title L1BlockNumber
 * @notice The predeploy at 0x4200000000000000000000000000000000000013: the number of the L1 origin
 * by the interface of the network before Bedrock. New code asks L1Block.
 */
contract L1BlockNumber {
    /// @notice Answers plain ether, which is kept, with the number.
    receive() external payable {
        _answer();
    }

    /// @notice Answers any call with the number.
    fallback() external payable {
        _answer();
    }

    /// @notice Number of the L1 origin.
    function getL1BlockNumber() public view returns (uint256) {
        return L1Block(Constants.L1_BLOCK).number();
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.1.0";
    }

    /// @dev Neither of Solidity's two entrances without a name can return a value on its own.
    function _answer() private view {
        uint256 answer = getL1BlockNumber();
        assembly ("memory-safe") {
            mstore(0, answer)
            return(0, 0x20)
        }
    }
}
