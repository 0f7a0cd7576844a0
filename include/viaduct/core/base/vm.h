/* What the fault-proof machine, its contract and the guest program agree on: memory map, system
   calls, exit codes.

   The machine's address space is 2^32 bytes; an effective address is taken modulo 2^32.  The guest
   is linked into [VD_VM_TEXT_LO, VD_VM_TEXT_HI), code, read-only data and the chain's
   configuration: instructions are fetched from there alone and nothing is ever stored below
   VD_VM_TEXT_HI. */
#ifndef VIADUCT_CORE_BASE_VM_H
#define VIADUCT_CORE_BASE_VM_H

#define VD_VM_TEXT_LO 0x00010000u
#define VD_VM_TEXT_HI 0x01000000u
/* The binary rollup configuration that is part of the prestate: its length (u32, little-endian)
   and its bytes. */
#define VD_VM_CONFIG 0x00ff0000u
#define VD_VM_CONFIG_MAX 0x00010000u

/* System calls, by their number in a7.  All others, and all with an argument that is not of the
   form given, end the run with VD_VM_PANIC.

   EXIT      a0: exit code; one above VD_VM_PANIC counts as VD_VM_PANIC
   WRITE     a1: address, a2: length; the host may show the bytes; a0 := a2
   HINT      a0: address, a1: length; the host may prepare what is named; a0 := 0
   PREIMAGE  a0: address of the 32-byte key, a multiple of 32; a1: offset, below 2^32, 0 or 8 modulo
             32; a2: destination, a multiple of 32, not below VD_VM_TEXT_HI.  Of the stream length
             (u64, big-endian) || preimage the 32 bytes from a1 on go to the destination, with zeros
             behind the stream's end; a0 := how many of them belong to the stream
   KECCAK    a0: address of a 200-byte state, a multiple of 256, not below VD_VM_TEXT_HI; Keccak-f
             [1600] in place; a0 := 0
   Addresses and offsets must be below 2^32 here. */
#define VD_VM_CALL_EXIT 93u
#define VD_VM_CALL_WRITE 64u
#define VD_VM_CALL_HINT 2000u
#define VD_VM_CALL_PREIMAGE 2001u
#define VD_VM_CALL_KECCAK 2002u

/* Exit codes, and the VM status in the first byte of a state hash. */
#define VD_VM_VALID 0u
#define VD_VM_INVALID 1u
#define VD_VM_PANIC 2u
#define VD_VM_UNFINISHED 3u /* status only: has not exited */

#endif
