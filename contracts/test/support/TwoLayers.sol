// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";

import {L1CrossDomainMessenger} from "../../src/L1/L1CrossDomainMessenger.sol";
import {L1ERC721Bridge} from "../../src/L1/L1ERC721Bridge.sol";
import {L1StandardBridge} from "../../src/L1/L1StandardBridge.sol";
import {IOptimismPortal2} from "../../src/L1/interfaces/IOptimismPortal2.sol";
import {ISystemConfig} from "../../src/L1/interfaces/ISystemConfig.sol";
import {L2CrossDomainMessenger} from "../../src/L2/L2CrossDomainMessenger.sol";
import {L2ERC721Bridge} from "../../src/L2/L2ERC721Bridge.sol";
import {L2StandardBridge} from "../../src/L2/L2StandardBridge.sol";
import {L2ToL1MessagePasser} from "../../src/L2/L2ToL1MessagePasser.sol";
import {Constants} from "../../src/libraries/Constants.sol";
import {OptimismMintableERC20Factory} from "../../src/universal/OptimismMintableERC20Factory.sol";
import {OptimismMintableERC721Factory} from "../../src/universal/OptimismMintableERC721Factory.sol";
import {Proxy} from "../../src/universal/Proxy.sol";
import {ProxyAdmin} from "../../src/universal/ProxyAdmin.sol";
import {ICrossDomainMessenger} from "../../src/universal/interfaces/ICrossDomainMessenger.sol";
import {Test, Vm} from "../Test.sol";
import {PortalStub, SystemConfigStub} from "./PortalStub.sol";

/**
 * @title TwoLayers
 * @notice Messengers, bridges and factories of both layers in one EVM: those of L1 behind proxies
 * as a deployment makes them, those of L2 with the code and the slots that genesis writes. Deposits
 * and withdrawals are carried over by hand, from the logs.
 */
abstract contract TwoLayers is Test {
    struct Deposit {
        address from;
        address to;
        uint256 mint;
        uint256 value;
        uint64 gasLimit;
        bytes data;
    }

    struct Withdrawal {
        address sender;
        address target;
        uint256 value;
        uint256 gasLimit;
        bytes data;
    }

    /// @dev ERC-7201 slot of OpenZeppelin's Initializable.
    bytes32 internal constant INITIALIZABLE =
        0xf0c57e16840df040f15088dc2f81fe391c3923bec73e23a9662efc9c229c6a00;

    uint256 internal constant L1_CHAIN_ID = 900;

    address internal constant ALICE = address(0xa11ce);
    address internal constant BOB = address(0xb0b);

    ProxyAdmin internal admin;
    PortalStub internal portal;
    SystemConfigStub internal systemConfig;
    L1CrossDomainMessenger internal l1Messenger;
    L1StandardBridge internal l1Bridge;
    L1ERC721Bridge internal l1ERC721Bridge;
    OptimismMintableERC20Factory internal l1Factory;

    L2ToL1MessagePasser internal constant PASSER =
        L2ToL1MessagePasser(payable(Constants.L2_TO_L1_MESSAGE_PASSER));
    L2CrossDomainMessenger internal constant L2_MESSENGER =
        L2CrossDomainMessenger(Constants.L2_CROSS_DOMAIN_MESSENGER);
    L2StandardBridge internal constant L2_BRIDGE =
        L2StandardBridge(payable(Constants.L2_STANDARD_BRIDGE));
    L2ERC721Bridge internal constant L2_ERC721_BRIDGE = L2ERC721Bridge(Constants.L2_ERC721_BRIDGE);
    OptimismMintableERC20Factory internal constant L2_FACTORY =
        OptimismMintableERC20Factory(Constants.OPTIMISM_MINTABLE_ERC20_FACTORY);
    OptimismMintableERC721Factory internal constant L2_ERC721_FACTORY =
        OptimismMintableERC721Factory(Constants.OPTIMISM_MINTABLE_ERC721_FACTORY);

    function setUp() public virtual {
        _deployL1();
        _writeGenesis();
        vm.deal(ALICE, 1000 ether);
        vm.deal(BOB, 1000 ether);
    }

    function parseDeposit(Vm.Log memory log, bytes calldata opaqueData)
        external
        pure
        returns (Deposit memory deposit)
    {
        deposit.from = address(uint160(uint256(log.topics[1])));
        deposit.to = address(uint160(uint256(log.topics[2])));
        deposit.mint = uint256(bytes32(opaqueData[0:32]));
        deposit.value = uint256(bytes32(opaqueData[32:64]));
        deposit.gasLimit = uint64(bytes8(opaqueData[64:72]));
        deposit.data = opaqueData[73:];
    }

    function _deployL1() private {
        admin = new ProxyAdmin(address(this));
        portal = new PortalStub();
        systemConfig = new SystemConfigStub();
        ISystemConfig config = ISystemConfig(address(systemConfig));
        l1Messenger = L1CrossDomainMessenger(
            _install(
                address(new L1CrossDomainMessenger()),
                abi.encodeCall(
                    L1CrossDomainMessenger.initialize,
                    (config, IOptimismPortal2(payable(address(portal))))
                )
            )
        );
        ICrossDomainMessenger messenger = ICrossDomainMessenger(address(l1Messenger));
        l1Bridge = L1StandardBridge(
            _install(
                address(new L1StandardBridge()),
                abi.encodeCall(L1StandardBridge.initialize, (messenger, config))
            )
        );
        l1ERC721Bridge = L1ERC721Bridge(
            _install(
                address(new L1ERC721Bridge()),
                abi.encodeCall(L1ERC721Bridge.initialize, (messenger, config))
            )
        );
        l1Factory = OptimismMintableERC20Factory(
            _install(
                address(new OptimismMintableERC20Factory()),
                abi.encodeCall(OptimismMintableERC20Factory.initialize, (address(l1Bridge)))
            )
        );
    }

    function _writeGenesis() private {
        vm.etch(Constants.L2_PROXY_ADMIN, address(new ProxyAdmin(address(this))).code);
        vm.store(Constants.L2_PROXY_ADMIN, 0, _word(address(this)));
        vm.etch(address(PASSER), address(new L2ToL1MessagePasser()).code);

        address where = address(L2_MESSENGER);
        _predeploy(where, address(new L2CrossDomainMessenger()));
        vm.store(where, bytes32(uint256(204)), _word(Constants.DEFAULT_L2_SENDER));
        vm.store(where, bytes32(uint256(207)), _word(address(l1Messenger)));

        where = address(L2_BRIDGE);
        _predeploy(where, address(new L2StandardBridge()));
        vm.store(where, bytes32(uint256(3)), _word(address(L2_MESSENGER)));
        vm.store(where, bytes32(uint256(4)), _word(address(l1Bridge)));

        where = address(L2_ERC721_BRIDGE);
        _predeploy(where, address(new L2ERC721Bridge()));
        vm.store(where, bytes32(uint256(1)), _word(address(L2_MESSENGER)));
        vm.store(where, bytes32(uint256(2)), _word(address(l1ERC721Bridge)));

        where = address(L2_FACTORY);
        _predeploy(where, address(new OptimismMintableERC20Factory()));
        vm.store(where, bytes32(uint256(1)), _word(address(L2_BRIDGE)));

        where = address(L2_ERC721_FACTORY);
        _predeploy(where, address(new OptimismMintableERC721Factory()));
        vm.store(where, bytes32(uint256(1)), _word(address(L2_ERC721_BRIDGE)));
        vm.store(where, bytes32(uint256(2)), bytes32(L1_CHAIN_ID));
    }

    /// @dev A new proxy of L1 with its implementation, initialized in the same call.
    function _install(address implementation, bytes memory call)
        internal
        returns (address payable proxy)
    {
        proxy = payable(address(new Proxy(address(admin))));
        admin.upgradeAndCall(proxy, implementation, call);
    }

    /// @dev The accounts that genesis makes of one predeploy.
    function _predeploy(address where, address template) internal {
        address implementation =
            address(uint160(Constants.CODE_NAMESPACE) | (uint160(where) & 0xffff));
        vm.etch(implementation, template.code);
        vm.store(implementation, INITIALIZABLE, bytes32(uint256(type(uint64).max)));
        vm.etch(where, address(new Proxy(Constants.L2_PROXY_ADMIN)).code);
        vm.store(where, Constants.SLOT_PROXY_ADMIN, _word(Constants.L2_PROXY_ADMIN));
        vm.store(where, Constants.SLOT_PROXY_IMPLEMENTATION, _word(implementation));
        vm.store(where, INITIALIZABLE, bytes32(uint256(1)));
    }

    /// @dev The only deposit among the logs.
    function _deposit(Vm.Log[] memory logs) internal view returns (Deposit memory) {
        Vm.Log memory log = _find(logs, address(portal), Constants.TOPIC_TRANSACTION_DEPOSITED);
        vm.assertEq(log.topics[3], 0);
        return this.parseDeposit(log, abi.decode(log.data, (bytes)));
    }

    /// @dev The only withdrawal among the logs.
    function _withdrawal(Vm.Log[] memory logs) internal pure returns (Withdrawal memory w) {
        Vm.Log memory log = _find(logs, address(PASSER), Constants.TOPIC_MESSAGE_PASSED);
        w.sender = address(uint160(uint256(log.topics[2])));
        w.target = address(uint160(uint256(log.topics[3])));
        (w.value, w.gasLimit, w.data,) = abi.decode(log.data, (uint256, uint256, bytes, bytes32));
    }

    /// @dev Executes a deposit on L2 with no more gas than it has.
    function _execute(Deposit memory deposit) internal returns (bool success) {
        vm.deal(deposit.from, deposit.from.balance + deposit.mint);
        uint256 gasLeft = deposit.gasLimit - _intrinsicGas(deposit.data);
        vm.prank(deposit.from, deposit.from);
        (success,) = deposit.to.call{gas: gasLeft, value: deposit.value}(deposit.data);
    }

    /// @dev Finalizes a withdrawal on L1.
    function _finalize(Withdrawal memory w) internal returns (bool) {
        return portal.finalize(w.sender, w.target, w.value, w.gasLimit, w.data);
    }

    /// @dev Executes what the logs since vm.recordLogs deposited.
    function _carryToL2() internal returns (bool) {
        return _execute(_deposit(vm.getRecordedLogs()));
    }

    /// @dev Finalizes what the logs since vm.recordLogs withdrew.
    function _carryToL1() internal returns (bool) {
        return _finalize(_withdrawal(vm.getRecordedLogs()));
    }

    /// @dev Replays the message that a deposit or withdrawal carried, as anyone may.
    function _replay(address messenger, bytes memory data) internal returns (bool success) {
        vm.prank(address(0xca11e4));
        (success,) = messenger.call(data);
    }

    /// @dev Gas of a transaction before its first instruction.
    function _intrinsicGas(bytes memory data) internal pure returns (uint256 gasUsed) {
        gasUsed = 21_000;
        for (uint256 i = 0; i < data.length; ++i) {
            gasUsed += data[i] == 0 ? 4 : 16;
        }
    }

    function _find(Vm.Log[] memory logs, address emitter, bytes32 topic)
        internal
        pure
        returns (Vm.Log memory found)
    {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter != emitter || logs[i].topics[0] != topic) continue;
            vm.assertEq(found.emitter, address(0));
            found = logs[i];
        }
        vm.assertEq(found.emitter, emitter);
    }

    function _count(Vm.Log[] memory logs, bytes32 topic) internal pure returns (uint256 count) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == topic) ++count;
        }
    }

    function _word(address account) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }
}
