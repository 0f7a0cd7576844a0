// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Proxy} from "../src/universal/Proxy.sol";
import {ProxyAdmin} from "../src/universal/ProxyAdmin.sol";
import {ProxyAdminOwned} from "../src/universal/ProxyAdminOwned.sol";
import {Test} from "./Test.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";

contract Counter is Initializable, ProxyAdminOwned {
    uint256 public count;

    error Refused(uint256 count);

    receive() external payable {
        count += msg.value;
    }

    function initialize(uint256 start) external payable initializer onlyProxyAdminOrOwner {
        count = start;
    }

    function refuse() external view {
        revert Refused(count);
    }

    // The admin's view of the same selector is the proxy's own function.
    function admin() external pure returns (address) {
        return address(0xc0de);
    }
}

contract ProxyTest is Test {
    address private constant OWNER = address(0x0117e1);
    address private constant USER = address(0x05e4);
    bytes32 private constant IMPLEMENTATION_SLOT =
        0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;
    bytes32 private constant ADMIN_SLOT =
        0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103;

    ProxyAdmin private admin;
    Proxy private proxy;
    Counter private counter;

    event Upgraded(address indexed implementation);
    event AdminChanged(address previousAdmin, address newAdmin);

    function setUp() public {
        admin = new ProxyAdmin(OWNER);
        proxy = new Proxy(address(admin));
        counter = new Counter();
    }

    function test_selectors_areThoseOfTheOpStack() public pure {
        vm.assertEq(bytes32(Proxy.upgradeTo.selector), bytes4(0x3659cfe6));
        vm.assertEq(bytes32(Proxy.upgradeToAndCall.selector), bytes4(0x4f1ef286));
        vm.assertEq(bytes32(Proxy.changeAdmin.selector), bytes4(0x8f283970));
        vm.assertEq(bytes32(Proxy.admin.selector), bytes4(0xf851a440));
        vm.assertEq(bytes32(Proxy.implementation.selector), bytes4(0x5c60da1b));
    }

    function test_slots_areThoseOfEip1967() public {
        _upgrade();
        vm.assertEq(_slot(IMPLEMENTATION_SLOT), address(counter));
        vm.assertEq(_slot(ADMIN_SLOT), address(admin));
    }

    function test_call_revertsWithoutImplementation() public {
        vm.prank(USER);
        vm.expectRevert(Proxy.ImplementationNotSet.selector);
        Counter(payable(address(proxy))).count();
        vm.deal(USER, 1);
        vm.prank(USER);
        (bool success,) = address(proxy).call{value: 1}("");
        vm.assertFalse(success);
    }

    function test_call_isDelegated() public {
        _upgrade();
        Counter seen = Counter(payable(address(proxy)));
        vm.deal(USER, 5);
        vm.prank(USER);
        (bool success,) = address(proxy).call{value: 5}("");
        vm.assertTrue(success);
        vm.assertEq(seen.count(), 12);
        vm.assertEq(counter.count(), 0);
        vm.expectRevert(abi.encodeWithSelector(Counter.Refused.selector, 12));
        seen.refuse();
    }

    function test_admin_isSeenByTheAdminAndByNobody() public {
        _upgrade();
        vm.prank(USER);
        vm.assertEq(proxy.admin(), address(0xc0de));
        vm.prank(address(admin));
        vm.assertEq(proxy.admin(), address(admin));
        vm.prank(address(0));
        vm.assertEq(proxy.admin(), address(admin));
        vm.prank(address(0));
        vm.assertEq(proxy.implementation(), address(counter));
    }

    function test_upgrade_isTheAdminsAlone() public {
        _upgrade();
        vm.prank(USER);
        // Delegated, and unknown there.
        (bool success,) = address(proxy).call(abi.encodeCall(Proxy.upgradeTo, (address(this))));
        vm.assertFalse(success);
        vm.assertEq(_slot(IMPLEMENTATION_SLOT), address(counter));
    }

    function test_upgrade_refusesAccountsWithoutCode() public {
        vm.prank(OWNER);
        vm.expectRevert();
        admin.upgrade(payable(address(proxy)), USER);
    }

    function test_upgradeAndCall_passesEtherOnAndUndoesAFailure() public {
        vm.deal(OWNER, 3);
        vm.prank(OWNER);
        admin.upgradeAndCall{value: 3}(
            payable(address(proxy)), address(counter), abi.encodeCall(Counter.initialize, (7))
        );
        vm.assertEq(address(proxy).balance, 3);

        Counter other = new Counter();
        vm.prank(OWNER);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        admin.upgradeAndCall(
            payable(address(proxy)), address(other), abi.encodeCall(Counter.initialize, (8))
        );
        vm.assertEq(_slot(IMPLEMENTATION_SLOT), address(counter));
    }

    function test_initialize_obeysTheAdminAndItsOwner() public {
        vm.prank(OWNER);
        admin.upgrade(payable(address(proxy)), address(counter));
        Counter seen = Counter(payable(address(proxy)));
        vm.prank(USER);
        vm.expectRevert(ProxyAdminOwned.NotProxyAdmin.selector);
        seen.initialize(1);
        vm.prank(OWNER);
        seen.initialize(2);
        vm.assertEq(seen.count(), 2);
    }

    function test_initialize_obeysAnAdminWithoutCode() public {
        Proxy owned = new Proxy(OWNER);
        vm.prank(OWNER);
        owned.upgradeTo(address(counter));
        Counter seen = Counter(payable(address(owned)));
        vm.prank(USER);
        vm.expectRevert(ProxyAdminOwned.NotProxyAdmin.selector);
        seen.initialize(1);
        vm.prank(OWNER);
        seen.initialize(2);
        vm.assertEq(seen.count(), 2);
    }

    function test_changeProxyAdmin_handsTheProxyOver() public {
        vm.prank(OWNER);
        admin.changeProxyAdmin(payable(address(proxy)), USER);
        vm.prank(USER);
        vm.assertEq(proxy.admin(), USER);
        vm.prank(OWNER);
        vm.expectRevert();
        admin.upgrade(payable(address(proxy)), address(counter));
    }

    function test_proxyAdmin_obeysItsOwnerAlone() public {
        bytes memory reason =
            abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, USER);
        vm.startPrank(USER);
        vm.expectRevert(reason);
        admin.upgrade(payable(address(proxy)), address(counter));
        vm.expectRevert(reason);
        admin.upgradeAndCall(payable(address(proxy)), address(counter), "");
        vm.expectRevert(reason);
        admin.changeProxyAdmin(payable(address(proxy)), USER);
        vm.stopPrank();
        // L2's genesis writes the owner to slot 0.
        vm.assertEq(address(uint160(uint256(vm.load(address(admin), bytes32(0))))), OWNER);
    }

    function test_proxyAdmin_readsItsProxies() public {
        _upgrade();
        vm.assertEq(admin.getProxyImplementation(payable(address(proxy))), address(counter));
        vm.assertEq(admin.getProxyAdmin(payable(address(proxy))), address(admin));
    }

    function _upgrade() private {
        vm.prank(OWNER);
        admin.upgradeAndCall(
            payable(address(proxy)), address(counter), abi.encodeCall(Counter.initialize, (7))
        );
    }

    function _slot(bytes32 slot) private view returns (address) {
        return address(uint160(uint256(vm.load(address(proxy), slot))));
    }
}
