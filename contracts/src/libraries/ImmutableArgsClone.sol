// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/**
 * @title ImmutableArgsClone
 * @notice Minimal proxies with constants of their own. A clone appends its constants, and two bytes
 * that hold their length with these two, to the calldata of every call that it delegates; the
 * implementation reads them from the end of its calldata (OP Stack specs, dispute game factory).
 * A transfer without calldata is accepted and not delegated.
 */
library ImmutableArgsClone {
    /// @dev Bytes of the clone's code before its constants.
    uint16 private constant CODE_LENGTH = 60;

    /// @notice The constants do not fit into the two bytes of their length.
    error ImmutableArgsTooLong();

    /// @notice The clone could not be created.
    error CloneFailed();

    /**
     * @notice Creates a clone.
     * @param implementation Contract that the clone runs.
     * @param args           Constants of the clone.
     */
    function clone(address implementation, bytes memory args) internal returns (address instance) {
        // EIP-170 bounds code at 24,576 bytes, so two bytes hold every length that can be deployed.
        if (args.length > 24_000) revert ImmutableArgsTooLong();
        // casting to 'uint16' is safe because of the bound above
        // forge-lint: disable-next-line(unsafe-typecast)
        uint16 suffixed = uint16(args.length + 2);
        bytes memory initCode = abi.encodePacked(
            // PUSH2 size, RETURNDATASIZE, DUP2, PUSH1 10, RETURNDATASIZE, CODECOPY, RETURN
            hex"61",
            CODE_LENGTH + suffixed,
            hex"3d81600a3d39f3",
            // if calldatasize == 0: STOP
            hex"36600557005b",
            // calldatacopy(0, 0, calldatasize); three zeros stay on the stack
            hex"363d3d373d3d3d",
            // codecopy(calldatasize, CODE_LENGTH, suffixed)
            hex"61",
            suffixed,
            hex"80603c3639",
            // delegatecall(gas, implementation, 0, suffixed + calldatasize, 0, 0)
            hex"36013d73",
            implementation,
            hex"5af4",
            // returndatacopy(0, 0, returndatasize); return it, or revert with it
            hex"3d82803e903d91603a57fd5bf3",
            args,
            suffixed
        );
        assembly ("memory-safe") {
            instance := create(0, add(initCode, 0x20), mload(initCode))
        }
        if (instance == address(0)) revert CloneFailed();
    }

    /// @notice Offset in calldata where the constants of the clone under execution start.
    function argsOffset() internal pure returns (uint256) {
        return msg.data.length - uint16(bytes2(msg.data[msg.data.length - 2:]));
    }
}
