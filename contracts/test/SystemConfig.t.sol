// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {SystemConfig} from "../src/L1/SystemConfig.sol";
import {IResourceMetering} from "../src/L1/interfaces/IResourceMetering.sol";
import {Vm} from "./Test.sol";
import {Settlement} from "./settlement/Settlement.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";

contract SystemConfigTest is Settlement {
    event ConfigUpdate(uint256 indexed version, uint8 indexed updateType, bytes data);

    function test_selectors_areThoseOfTheOpStack() public view {
        vm.assertEq(bytes32(config.batcherHash.selector), bytes4(0xe81b2c6d));
        vm.assertEq(bytes32(config.gasLimit.selector), bytes4(0xf68016b7));
        vm.assertEq(bytes32(config.basefeeScalar.selector), bytes4(0xbfb14fb7));
        vm.assertEq(bytes32(config.blobbasefeeScalar.selector), bytes4(0xec707517));
        vm.assertEq(bytes32(config.scalar.selector), bytes4(0xf45e65d8));
        vm.assertEq(bytes32(config.overhead.selector), bytes4(0x0c18c162));
        vm.assertEq(bytes32(config.eip1559Denominator.selector), bytes4(0xd220a9e0));
        vm.assertEq(bytes32(config.eip1559Elasticity.selector), bytes4(0xc9ff2d16));
        vm.assertEq(bytes32(config.unsafeBlockSigner.selector), bytes4(0x1fd19ee1));
        vm.assertEq(bytes32(config.batchInbox.selector), bytes4(0xdac6e63a));
        vm.assertEq(bytes32(config.startBlock.selector), bytes4(0x48cd4cb1));
        vm.assertEq(bytes32(config.optimismPortal.selector), bytes4(0x0a49cb03));
        vm.assertEq(bytes32(config.l1CrossDomainMessenger.selector), bytes4(0xa7119869));
        vm.assertEq(bytes32(config.l1StandardBridge.selector), bytes4(0x078f29cf));
        vm.assertEq(bytes32(config.disputeGameFactory.selector), bytes4(0xf2b4e617));
        vm.assertEq(bytes32(config.resourceConfig.selector), bytes4(0xcc731b02));
        vm.assertEq(bytes32(config.setBatcherHash.selector), bytes4(0xc9b26f61));
        vm.assertEq(bytes32(config.setGasConfigEcotone.selector), bytes4(0x21d7fde5));
        vm.assertEq(bytes32(config.setGasLimit.selector), bytes4(0xb40a817c));
        vm.assertEq(bytes32(config.setEIP1559Params.selector), bytes4(0xc0fd4b41));
        vm.assertEq(bytes32(config.setUnsafeBlockSigner.selector), bytes4(0x18d13918));
        vm.assertEq(bytes32(config.setOperatorFeeScalars.selector), bytes4(0x155b6c6f));
        vm.assertEq(bytes32(config.setMinBaseFee.selector), bytes4(0x7616f0e8));
        vm.assertEq(bytes32(config.setDAFootprintGasScalar.selector), bytes4(0x20f06fdc));
    }

    function test_initialize_setsEverything() public view {
        SystemConfig.InitialConfig memory initial = _initialConfig();
        vm.assertEq(config.owner(), OWNER);
        vm.assertEq(uint256(config.basefeeScalar()), initial.basefeeScalar);
        vm.assertEq(uint256(config.blobbasefeeScalar()), initial.blobbasefeeScalar);
        vm.assertEq(config.batcherHash(), initial.batcherHash);
        vm.assertEq(uint256(config.gasLimit()), initial.gasLimit);
        vm.assertEq(config.unsafeBlockSigner(), initial.unsafeBlockSigner);
        vm.assertEq(uint256(config.eip1559Denominator()), initial.eip1559Denominator);
        vm.assertEq(uint256(config.eip1559Elasticity()), initial.eip1559Elasticity);
        vm.assertEq(uint256(config.operatorFeeScalar()), initial.operatorFeeScalar);
        vm.assertEq(uint256(config.operatorFeeConstant()), initial.operatorFeeConstant);
        vm.assertEq(config.batchInbox(), initial.batchInbox);
        vm.assertEq(config.l2ChainId(), initial.l2ChainId);
        vm.assertEq(address(config.superchainConfig()), address(superchain));
        vm.assertEq(config.startBlock(), 1000);
        vm.assertEq(config.overhead(), 0);
        vm.assertEq(config.guardian(), GUARDIAN);
        vm.assertEq(uint256(config.minimumGasLimit()), 21_000_000);
        vm.assertEq(uint256(config.maximumGasLimit()), 500_000_000);
        vm.assertEq(config.version(), "3.0.0");
        vm.assertEq(abi.encode(config.resourceConfig()), abi.encode(initial.resourceConfig));
        vm.assertEq(abi.encode(config.getAddresses()), abi.encode(initial.addresses));
    }

    function test_initialize_worksOnce() public {
        SystemConfig.InitialConfig memory initial = _initialConfig();
        vm.prank(OWNER);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        config.initialize(initial);
        SystemConfig implementation = new SystemConfig();
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        implementation.initialize(initial);
    }

    function test_initialize_announcesEveryParameter() public {
        SystemConfig fresh = SystemConfig(_proxy());
        address implementation = address(new SystemConfig());
        bytes memory data = abi.encodeCall(SystemConfig.initialize, (_initialConfig()));
        vm.recordLogs();
        vm.prank(OWNER);
        _install(address(fresh), implementation, data);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 seen = 0;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != ConfigUpdate.selector) continue;
            vm.assertEq(logs[i].topics[1], bytes32(0));
            seen |= 1 << uint256(logs[i].topics[2]);
        }
        vm.assertEq(seen, 0x3f);
    }

    /// Slots that tools read directly (OP Stack, SystemConfig's storage layout).
    function test_storage_liesWhereToolsLook() public {
        vm.startPrank(OWNER);
        config.setMinBaseFee(0x1122334455667788);
        config.setDAFootprintGasScalar(0x99aa);
        vm.stopPrank();
        vm.assertEq(_slot(101), 0);
        vm.assertEq(_slot(102), config.scalar());
        vm.assertEq(bytes32(_slot(103)), config.batcherHash());
        vm.assertEq(_slot(104), 30_000_000 | uint256(1368) << 64 | uint256(810_949) << 96);
        vm.assertEq(
            _slot(105),
            20_000_000 | 10 << 32 | 8 << 40 | 1 gwei << 48 | 1_000_000 << 80
                | uint256(type(uint128).max) << 112
        );
        vm.assertEq(_slot(106), 250 | 6 << 32 | 11 << 64 | 22 << 96);
        vm.assertEq(_slot(107), L2_CHAIN_ID);
        vm.assertEq(
            _slot(108),
            uint256(uint160(address(superchain))) | 0x1122334455667788 << 160 | 0x99aa << 224
        );
        vm.assertEq(
            config.UNSAFE_BLOCK_SIGNER_SLOT(),
            0x65a7ed542fb37fe237fdfbdd70b31598523fe5b32879e307bae27a0bd9581c08
        );
        _requireNamed("systemconfig.batchinbox", config.batchInbox());
        _requireNamed("systemconfig.optimismportal", config.optimismPortal());
        _requireNamed("systemconfig.l1crossdomainmessenger", config.l1CrossDomainMessenger());
        _requireNamed("systemconfig.l1standardbridge", config.l1StandardBridge());
        _requireNamed("systemconfig.l1erc721bridge", config.l1ERC721Bridge());
        _requireNamed("systemconfig.disputegamefactory", config.disputeGameFactory());
        _requireNamed(
            "systemconfig.optimismmintableerc20factory", config.optimismMintableERC20Factory()
        );
        bytes32 startBlock = bytes32(uint256(keccak256("systemconfig.startBlock")) - 1);
        vm.assertEq(uint256(vm.load(address(config), startBlock)), config.startBlock());
    }

    function testFuzz_setBatcherHash_announces(bytes32 value) public {
        _expectUpdate(0, abi.encode(value));
        config.setBatcherHash(value);
        vm.assertEq(config.batcherHash(), value);
    }

    /// The scalar's form of Ecotone: version 1, blob scalar in bytes 24..28, scalar in 28..32.
    function testFuzz_setGasConfigEcotone_announces(uint32 basefee, uint32 blobbasefee) public {
        bytes32 scalar = bytes32(abi.encodePacked(uint8(1), bytes23(0), blobbasefee, basefee));
        _expectUpdate(1, abi.encode(uint256(0), scalar));
        config.setGasConfigEcotone(basefee, blobbasefee);
        vm.assertEq(uint256(config.basefeeScalar()), basefee);
        vm.assertEq(uint256(config.blobbasefeeScalar()), blobbasefee);
        vm.assertEq(bytes32(config.scalar()), scalar);
    }

    function testFuzz_setGasLimit_announces(uint64 value) public {
        value = uint64(_bound(value, 21_000_000, 500_000_000));
        _expectUpdate(2, abi.encode(value));
        config.setGasLimit(value);
        vm.assertEq(uint256(config.gasLimit()), value);
    }

    function test_setGasLimit_hasBounds() public {
        vm.startPrank(OWNER);
        vm.expectRevert(
            abi.encodeWithSelector(SystemConfig.SystemConfig_GasLimitTooLow.selector, 21_000_000)
        );
        config.setGasLimit(20_999_999);
        vm.expectRevert(
            abi.encodeWithSelector(SystemConfig.SystemConfig_GasLimitTooHigh.selector, 500_000_000)
        );
        config.setGasLimit(500_000_001);
        vm.stopPrank();
    }

    function testFuzz_setUnsafeBlockSigner_announces(address value) public {
        _expectUpdate(3, abi.encode(value));
        config.setUnsafeBlockSigner(value);
        vm.assertEq(config.unsafeBlockSigner(), value);
    }

    /// Denominator in bytes 24..28, elasticity in 28..32.
    function testFuzz_setEIP1559Params_announces(uint32 denominator, uint32 elasticity) public {
        vm.assume(denominator != 0 && elasticity != 0);
        _expectUpdate(4, abi.encodePacked(bytes24(0), denominator, elasticity));
        config.setEIP1559Params(denominator, elasticity);
        vm.assertEq(uint256(config.eip1559Denominator()), denominator);
        vm.assertEq(uint256(config.eip1559Elasticity()), elasticity);
    }

    function test_setEIP1559Params_refusesZero() public {
        vm.startPrank(OWNER);
        vm.expectRevert(SystemConfig.SystemConfig_InvalidEIP1559Params.selector);
        config.setEIP1559Params(0, 6);
        vm.expectRevert(SystemConfig.SystemConfig_InvalidEIP1559Params.selector);
        config.setEIP1559Params(250, 0);
        vm.stopPrank();
    }

    /// Scalar in bytes 20..24, constant in 24..32.
    function testFuzz_setOperatorFeeScalars_announces(uint32 scalar, uint64 constant_) public {
        _expectUpdate(5, abi.encodePacked(bytes20(0), scalar, constant_));
        config.setOperatorFeeScalars(scalar, constant_);
        vm.assertEq(uint256(config.operatorFeeScalar()), scalar);
        vm.assertEq(uint256(config.operatorFeeConstant()), constant_);
    }

    function testFuzz_setMinBaseFee_announces(uint64 value) public {
        _expectUpdate(6, abi.encode(value));
        config.setMinBaseFee(value);
        vm.assertEq(uint256(config.minBaseFee()), value);
    }

    function testFuzz_setDAFootprintGasScalar_announces(uint16 value) public {
        _expectUpdate(7, abi.encode(value));
        config.setDAFootprintGasScalar(value);
        vm.assertEq(uint256(config.daFootprintGasScalar()), value);
    }

    function test_setters_areTheOwnersAlone() public {
        bytes[8] memory calls = [
            abi.encodeCall(SystemConfig.setBatcherHash, (0)),
            abi.encodeCall(SystemConfig.setGasConfigEcotone, (1, 2)),
            abi.encodeCall(SystemConfig.setGasLimit, (30_000_000)),
            abi.encodeCall(SystemConfig.setUnsafeBlockSigner, (USER)),
            abi.encodeCall(SystemConfig.setEIP1559Params, (1, 1)),
            abi.encodeCall(SystemConfig.setOperatorFeeScalars, (1, 1)),
            abi.encodeCall(SystemConfig.setMinBaseFee, (1)),
            abi.encodeCall(SystemConfig.setDAFootprintGasScalar, (1))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(USER);
            (bool success, bytes memory reason) = address(config).call(calls[i]);
            vm.assertFalse(success);
            vm.assertEq(
                reason, abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, USER)
            );
        }
    }

    function test_paused_followsTheGuardian() public {
        vm.prank(GUARDIAN);
        superchain.pause(address(portal));
        vm.assertTrue(config.paused());
        vm.prank(GUARDIAN);
        superchain.unpause(address(portal));
        vm.assertFalse(config.paused());
        vm.prank(GUARDIAN);
        superchain.pause(address(0));
        vm.assertTrue(config.paused());
    }

    function test_initialize_refusesContradictingResources() public {
        IResourceMetering.ResourceConfig memory broken = _resourceConfig();
        broken.minimumBaseFee = 2;
        broken.maximumBaseFee = 1;
        _requireRefused(broken);
        broken = _resourceConfig();
        broken.baseFeeMaxChangeDenominator = 1;
        _requireRefused(broken);
        broken = _resourceConfig();
        broken.elasticityMultiplier = 0;
        _requireRefused(broken);
        broken = _resourceConfig();
        broken.elasticityMultiplier = 3;
        _requireRefused(broken);
        broken = _resourceConfig();
        broken.maxResourceLimit = 0;
        _requireRefused(broken);
    }

    function _requireRefused(IResourceMetering.ResourceConfig memory resources) private {
        SystemConfig.InitialConfig memory initial = _initialConfig();
        initial.resourceConfig = resources;
        address implementation = address(new SystemConfig());
        address fresh = _proxy();
        vm.prank(OWNER);
        vm.expectRevert(SystemConfig.SystemConfig_InvalidResourceConfig.selector);
        admin.upgradeAndCall(
            payable(fresh), implementation, abi.encodeCall(SystemConfig.initialize, (initial))
        );
    }

    function _expectUpdate(uint8 updateType, bytes memory data) private {
        vm.expectEmit(address(config));
        emit ConfigUpdate(0, updateType, data);
        vm.prank(OWNER);
    }

    function _requireNamed(string memory name, address value) private view {
        bytes32 slot = bytes32(uint256(keccak256(bytes(name))) - 1);
        vm.assertTrue(value != address(0));
        vm.assertEq(vm.load(address(config), slot), bytes32(uint256(uint160(value))));
    }

    function _slot(uint256 slot) private view returns (uint256) {
        return uint256(vm.load(address(config), bytes32(slot)));
    }
}
