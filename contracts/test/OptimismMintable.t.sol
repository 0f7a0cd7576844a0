// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {
    IERC721Enumerable
} from "@openzeppelin/contracts/token/ERC721/extensions/IERC721Enumerable.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {Constants} from "../src/libraries/Constants.sol";
import {OptimismMintableERC20} from "../src/universal/OptimismMintableERC20.sol";
import {OptimismMintableERC20Factory} from "../src/universal/OptimismMintableERC20Factory.sol";
import {OptimismMintableERC721} from "../src/universal/OptimismMintableERC721.sol";
import {OptimismMintableERC721Factory} from "../src/universal/OptimismMintableERC721Factory.sol";
import {Proxy} from "../src/universal/Proxy.sol";
import {ProxyAdminOwned} from "../src/universal/ProxyAdminOwned.sol";
import {ILegacyMintableERC20} from "../src/universal/interfaces/ILegacyMintableERC20.sol";
import {IOptimismMintableERC20} from "../src/universal/interfaces/IOptimismMintableERC20.sol";
import {IOptimismMintableERC721} from "../src/universal/interfaces/IOptimismMintableERC721.sol";
import {Vm} from "./Test.sol";
import {TwoLayers} from "./support/TwoLayers.sol";

contract OptimismMintableERC20Test is TwoLayers {
    address internal constant REMOTE = address(0x1234567890123456789012345678901234567890);

    OptimismMintableERC20 internal token;

    function setUp() public override {
        super.setUp();
        token = OptimismMintableERC20(
            L2_FACTORY.createOptimismMintableERC20WithDecimals(REMOTE, "Token", "TOK", 6)
        );
    }

    function test_getters_answer() public view {
        vm.assertEq(token.name(), "Token");
        vm.assertEq(token.symbol(), "TOK");
        vm.assertEq(token.decimals(), 6);
        vm.assertEq(token.remoteToken(), REMOTE);
        vm.assertEq(token.REMOTE_TOKEN(), REMOTE);
        vm.assertEq(token.l1Token(), REMOTE);
        vm.assertEq(token.bridge(), address(L2_BRIDGE));
        vm.assertEq(token.BRIDGE(), address(L2_BRIDGE));
        vm.assertEq(token.l2Bridge(), address(L2_BRIDGE));
        vm.assertEq(token.PERMIT2(), 0x000000000022D473030F116dDEE9F6B43aC78BA3);
        vm.assertTrue(bytes(token.version()).length != 0);
    }

    function test_supportsInterface_isThatOfTheProtocol() public view {
        // Ids by which bridges of the OP Stack know mintable tokens.
        vm.assertEq(bytes32(type(IOptimismMintableERC20).interfaceId), bytes32(bytes4(0xec4fc8e3)));
        vm.assertEq(bytes32(type(ILegacyMintableERC20).interfaceId), bytes32(bytes4(0x1d1d8b63)));
        vm.assertTrue(token.supportsInterface(0x01ffc9a7));
        vm.assertTrue(token.supportsInterface(0xec4fc8e3));
        vm.assertTrue(token.supportsInterface(0x1d1d8b63));
        vm.assertFalse(token.supportsInterface(0xffffffff));
    }

    function testFuzz_mint_andBurnAreForTheBridge(address caller, uint128 amount) public {
        vm.assume(caller != address(L2_BRIDGE));
        vm.startPrank(caller);
        vm.expectRevert(OptimismMintableERC20.OnlyBridge.selector);
        token.mint(caller, amount);
        vm.expectRevert(OptimismMintableERC20.OnlyBridge.selector);
        token.burn(ALICE, amount);
        vm.stopPrank();

        vm.startPrank(address(L2_BRIDGE));
        vm.expectEmit(address(token));
        emit OptimismMintableERC20.Mint(ALICE, amount);
        token.mint(ALICE, amount);
        vm.assertEq(token.balanceOf(ALICE), amount);
        vm.expectEmit(address(token));
        emit OptimismMintableERC20.Burn(ALICE, amount);
        token.burn(ALICE, amount);
        vm.assertEq(token.totalSupply(), 0);
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientBalance.selector, ALICE, 0, uint256(amount) + 1
            )
        );
        token.burn(ALICE, uint256(amount) + 1);
        vm.stopPrank();
    }

    function test_allowance_ofPermit2IsUnlimited() public {
        vm.assertEq(token.allowance(ALICE, Constants.PREINSTALL_PERMIT2), type(uint256).max);
        vm.assertEq(token.allowance(ALICE, BOB), 0);
        vm.prank(address(L2_BRIDGE));
        token.mint(ALICE, 10);
        vm.prank(Constants.PREINSTALL_PERMIT2);
        token.transferFrom(ALICE, BOB, 10);
        vm.assertEq(token.balanceOf(BOB), 10);
        vm.assertEq(token.allowance(ALICE, Constants.PREINSTALL_PERMIT2), type(uint256).max);
    }

    function test_allowance_isRaisedAndLowered() public {
        vm.startPrank(ALICE);
        vm.assertTrue(token.increaseAllowance(BOB, 7));
        vm.assertTrue(token.decreaseAllowance(BOB, 3));
        vm.assertEq(token.allowance(ALICE, BOB), 4);
        vm.expectRevert();
        token.decreaseAllowance(BOB, 5);
        vm.stopPrank();
    }

    function test_permit_isThatOfEIP2612() public {
        uint256 key = 0xa11ce5;
        address owner = vm.addr(key);
        bytes32 permit = keccak256(
            "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
        );
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Token"),
                keccak256("1"),
                block.chainid,
                address(token)
            )
        );
        vm.assertEq(token.DOMAIN_SEPARATOR(), domain);
        bytes32 content = keccak256(abi.encode(permit, owner, BOB, 55, 0, block.timestamp));
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, keccak256(abi.encodePacked(hex"1901", domain, content)));
        vm.warp(block.timestamp + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                OptimismMintableERC20.ERC2612ExpiredSignature.selector, block.timestamp - 1
            )
        );
        token.permit(owner, BOB, 55, block.timestamp - 1, v, r, s);
        vm.warp(block.timestamp - 1);
        vm.expectRevert();
        token.permit(ALICE, BOB, 55, block.timestamp, v, r, s);
        token.permit(owner, BOB, 55, block.timestamp, v, r, s);
        vm.assertEq(token.allowance(owner, BOB), 55);
        vm.assertEq(token.nonces(owner), 1);
        // The same signature a second time is one over another nonce.
        vm.expectRevert();
        token.permit(owner, BOB, 55, block.timestamp, v, r, s);
    }
}

contract OptimismMintableERC20FactoryTest is TwoLayers {
    function test_layout_isWhatGenesisWrites() public view {
        vm.assertEq(L2_FACTORY.bridge(), address(L2_BRIDGE));
        vm.assertEq(L2_FACTORY.BRIDGE(), address(L2_BRIDGE));
        vm.assertEq(l1Factory.bridge(), address(l1Bridge));
        vm.assertTrue(bytes(L2_FACTORY.version()).length != 0);
        // A proxy that was initialized holds the same.
        vm.assertEq(vm.load(address(l1Factory), bytes32(uint256(1))), _word(address(l1Bridge)));
        vm.assertEq(vm.load(address(l1Factory), 0), 0);
        vm.assertEq(
            vm.load(address(l1Factory), INITIALIZABLE), vm.load(address(L2_FACTORY), INITIALIZABLE)
        );
    }

    function test_initialize_isForTheAdminAndOnce() public {
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        L2_FACTORY.initialize(ALICE);
        OptimismMintableERC20Factory implementation = new OptimismMintableERC20Factory();
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        implementation.initialize(ALICE);
        address payable proxy = payable(address(new Proxy(address(admin))));
        admin.upgrade(proxy, address(implementation));
        vm.expectRevert(ProxyAdminOwned.NotProxyAdmin.selector);
        vm.prank(ALICE);
        OptimismMintableERC20Factory(proxy).initialize(ALICE);
    }

    function testFuzz_create_announcesAndRemembers(
        address remote,
        string calldata name,
        string calldata symbol,
        uint8 decimals
    ) public {
        vm.assume(remote != address(0));
        bytes32 salt = keccak256(abi.encode(remote, name, symbol, decimals));
        bytes memory initCode = abi.encodePacked(
            type(OptimismMintableERC20).creationCode,
            abi.encode(address(L2_BRIDGE), remote, name, symbol, decimals)
        );
        // EIP-1014.
        address expected = address(
            uint160(
                uint256(
                    keccak256(
                        abi.encodePacked(hex"ff", address(L2_FACTORY), salt, keccak256(initCode))
                    )
                )
            )
        );
        vm.expectEmit(address(L2_FACTORY));
        emit OptimismMintableERC20Factory.StandardL2TokenCreated(remote, expected);
        vm.expectEmit(address(L2_FACTORY));
        emit OptimismMintableERC20Factory.OptimismMintableERC20Created(expected, remote, ALICE);
        vm.prank(ALICE);
        address token =
            L2_FACTORY.createOptimismMintableERC20WithDecimals(remote, name, symbol, decimals);
        vm.assertEq(token, expected);
        vm.assertEq(L2_FACTORY.deployments(token), remote);
        vm.assertEq(OptimismMintableERC20(token).decimals(), decimals);
        vm.expectRevert();
        L2_FACTORY.createOptimismMintableERC20WithDecimals(remote, name, symbol, decimals);
    }

    function test_create_byTheOlderNamesHasEighteenDecimals() public {
        address first = L2_FACTORY.createStandardL2Token(BOB, "A", "A");
        address second = L2_FACTORY.createOptimismMintableERC20(BOB, "B", "B");
        vm.assertEq(OptimismMintableERC20(first).decimals(), 18);
        vm.assertEq(OptimismMintableERC20(second).decimals(), 18);
    }

    function test_create_ofNothingReverts() public {
        vm.expectRevert(OptimismMintableERC20Factory.ZeroAddress.selector);
        L2_FACTORY.createStandardL2Token(address(0), "A", "A");
    }

    function test_selectors_areThoseOfTheProtocol() public pure {
        // From the ABI of the OP Stack.
        vm.assertEq(
            bytes32(OptimismMintableERC20Factory.createStandardL2Token.selector),
            bytes32(bytes4(0x896f93d1))
        );
        vm.assertEq(
            bytes32(OptimismMintableERC20Factory.createOptimismMintableERC20.selector),
            bytes32(bytes4(0xce5ac90f))
        );
        vm.assertEq(
            OptimismMintableERC20Factory.StandardL2TokenCreated.selector,
            keccak256("StandardL2TokenCreated(address,address)")
        );
    }
}

contract OptimismMintableERC721Test is TwoLayers {
    address internal constant REMOTE = address(0x1234567890123456789012345678901234567890);

    OptimismMintableERC721 internal token;

    function setUp() public override {
        super.setUp();
        token = OptimismMintableERC721(
            L2_ERC721_FACTORY.createOptimismMintableERC721(REMOTE, "Token", "TOK")
        );
    }

    function test_getters_answer() public view {
        vm.assertEq(token.name(), "Token");
        vm.assertEq(token.symbol(), "TOK");
        vm.assertEq(token.remoteToken(), REMOTE);
        vm.assertEq(token.REMOTE_TOKEN(), REMOTE);
        vm.assertEq(token.remoteChainId(), L1_CHAIN_ID);
        vm.assertEq(token.REMOTE_CHAIN_ID(), L1_CHAIN_ID);
        vm.assertEq(token.bridge(), address(L2_ERC721_BRIDGE));
        vm.assertEq(token.BRIDGE(), address(L2_ERC721_BRIDGE));
        vm.assertTrue(bytes(token.version()).length != 0);
    }

    function test_supportsInterface_isThatOfTheProtocol() public view {
        vm.assertEq(bytes32(type(IOptimismMintableERC721).interfaceId), bytes32(bytes4(0x74259ebf)));
        vm.assertTrue(token.supportsInterface(0x74259ebf));
        vm.assertTrue(token.supportsInterface(type(IERC721Enumerable).interfaceId));
        vm.assertTrue(token.supportsInterface(type(IERC165).interfaceId));
        vm.assertFalse(token.supportsInterface(0xffffffff));
    }

    function test_tokenURI_asksL1() public {
        vm.prank(address(L2_ERC721_BRIDGE));
        token.safeMint(ALICE, 42);
        vm.assertEq(
            token.tokenURI(42),
            "ethereum:0x1234567890123456789012345678901234567890@900/tokenURI?uint256=42"
        );
    }

    function test_mint_andBurnAreForTheBridge() public {
        vm.startPrank(ALICE);
        vm.expectRevert(OptimismMintableERC721.OnlyBridge.selector);
        token.safeMint(ALICE, 1);
        vm.expectRevert(OptimismMintableERC721.OnlyBridge.selector);
        token.burn(ALICE, 1);
        vm.stopPrank();
        vm.startPrank(address(L2_ERC721_BRIDGE));
        vm.expectEmit(address(token));
        emit IOptimismMintableERC721.Mint(ALICE, 1);
        token.safeMint(ALICE, 1);
        vm.expectEmit(address(token));
        emit IOptimismMintableERC721.Burn(ALICE, 1);
        token.burn(ALICE, 1);
        vm.stopPrank();
        vm.assertEq(token.balanceOf(ALICE), 0);
    }

    function test_constructor_refusesZeros() public {
        vm.expectRevert(OptimismMintableERC721.ZeroArgument.selector);
        new OptimismMintableERC721(address(0), 1, REMOTE, "A", "A");
        vm.expectRevert(OptimismMintableERC721.ZeroArgument.selector);
        new OptimismMintableERC721(ALICE, 0, REMOTE, "A", "A");
        vm.expectRevert(OptimismMintableERC721.ZeroArgument.selector);
        new OptimismMintableERC721(ALICE, 1, address(0), "A", "A");
    }

    function test_factory_announcesAndRemembers() public {
        vm.assertEq(L2_ERC721_FACTORY.bridge(), address(L2_ERC721_BRIDGE));
        vm.assertEq(L2_ERC721_FACTORY.BRIDGE(), address(L2_ERC721_BRIDGE));
        vm.assertEq(L2_ERC721_FACTORY.remoteChainID(), L1_CHAIN_ID);
        vm.assertEq(L2_ERC721_FACTORY.REMOTE_CHAIN_ID(), L1_CHAIN_ID);
        vm.assertTrue(bytes(L2_ERC721_FACTORY.version()).length != 0);
        vm.assertTrue(L2_ERC721_FACTORY.isOptimismMintableERC721(address(token)));
        vm.assertFalse(L2_ERC721_FACTORY.isOptimismMintableERC721(ALICE));
        vm.recordLogs();
        vm.prank(ALICE);
        address created = L2_ERC721_FACTORY.createOptimismMintableERC721(REMOTE, "B", "B");
        bytes32 topic = keccak256("OptimismMintableERC721Created(address,address,address)");
        vm.assertEq(OptimismMintableERC721Factory.OptimismMintableERC721Created.selector, topic);
        Vm.Log memory log = _find(vm.getRecordedLogs(), address(L2_ERC721_FACTORY), topic);
        vm.assertEq(log.topics[1], _word(created));
        vm.assertEq(log.topics[2], _word(REMOTE));
        vm.assertEq(abi.decode(log.data, (address)), ALICE);
        vm.expectRevert();
        L2_ERC721_FACTORY.createOptimismMintableERC721(REMOTE, "B", "B");
        vm.expectRevert(OptimismMintableERC721Factory.ZeroAddress.selector);
        L2_ERC721_FACTORY.createOptimismMintableERC721(address(0), "B", "B");
    }

    function test_factory_initializesForTheAdminAndOnce() public {
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        L2_ERC721_FACTORY.initialize(ALICE, 1);
        address payable proxy = payable(address(new Proxy(address(admin))));
        admin.upgrade(proxy, address(new OptimismMintableERC721Factory()));
        vm.expectRevert(ProxyAdminOwned.NotProxyAdmin.selector);
        vm.prank(ALICE);
        OptimismMintableERC721Factory(proxy).initialize(ALICE, 1);
        OptimismMintableERC721Factory(proxy).initialize(address(L2_ERC721_BRIDGE), L1_CHAIN_ID);
        for (uint256 slot = 0; slot < 3; ++slot) {
            vm.assertEq(
                vm.load(proxy, bytes32(slot)), vm.load(address(L2_ERC721_FACTORY), bytes32(slot))
            );
        }
    }
}
