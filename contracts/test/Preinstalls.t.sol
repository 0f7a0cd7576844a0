// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";

import {Constants} from "../src/libraries/Constants.sol";
import {Proxy} from "../src/universal/Proxy.sol";
import {Test} from "./Test.sol";

/// @title PreinstallVm
/// @notice The cheatcodes that read the committed artifacts and name the chain.
interface PreinstallVm {
    function chainId(uint256 id) external;
    function parseJsonAddress(string calldata json, string calldata key)
        external
        pure
        returns (address);
    function parseJsonBytes(string calldata json, string calldata key)
        external
        pure
        returns (bytes memory);
    function parseJsonBytes32(string calldata json, string calldata key)
        external
        pure
        returns (bytes32);
    function parseJsonString(string calldata json, string calldata key)
        external
        pure
        returns (string memory);
    function parseJsonUint(string calldata json, string calldata key)
        external
        pure
        returns (uint256);
    function resetNonce(address account) external;
    function readFile(string calldata path) external view returns (string memory);
}

/// @notice What of the Ethereum Attestation Service the tests use.
interface IEAS {
    struct AttestationRequestData {
        address recipient;
        uint64 expirationTime;
        bool revocable;
        bytes32 refUID;
        bytes data;
        uint256 value;
    }

    struct AttestationRequest {
        bytes32 schema;
        AttestationRequestData data;
    }

    function attest(AttestationRequest calldata request) external payable returns (bytes32);
    function getDomainSeparator() external view returns (bytes32);
    function getName() external view returns (string memory);
    function getSchemaRegistry() external view returns (address);
    function isAttestationValid(bytes32 uid) external view returns (bool);
    function version() external view returns (string memory);
    function register(string calldata schema, address resolver, bool revocable)
        external
        returns (bytes32);
}

/**
 * @notice Proves the preinstalls of artifacts/preinstalls: each is created again as it came into the
 * world, must land at its address and must leave the runtime code that genesis installs.
 */
contract PreinstallsTest is Test {
    using RLP for RLP.Encoder;

    PreinstallVm internal constant files = PreinstallVm(address(vm));

    function test_deterministicDeploymentProxy_isItsTransactions() public {
        _proveTransaction(
            "DeterministicDeploymentProxy", Constants.PREINSTALL_DETERMINISTIC_DEPLOYER
        );
    }

    function test_safeSingletonFactory_isItsTransactions() public {
        _proveTransaction("SafeSingletonFactory", Constants.PREINSTALL_SAFE_SINGLETON_FACTORY);
    }

    function test_multicall3_isItsTransactions() public {
        _proveTransaction("Multicall3", Constants.PREINSTALL_MULTICALL3);
        // The hash of that transaction, as block explorers show it on every chain.
        vm.assertEq(
            keccak256(_signed(_read("Multicall3"))),
            0x07471adfe8f4ec553c1199f495be97fc8be8e0626ae307281c22534460184ed1
        );
    }

    function test_createX_isItsTransactions() public {
        _proveTransaction("CreateX", Constants.PREINSTALL_CREATE_X);
        // The hash that its author publishes of its runtime code.
        vm.assertEq(
            keccak256(files.parseJsonBytes(_read("CreateX"), ".deployedBytecode")),
            0xbd8a7ea8cfca7b4e5f5041d7d4b17bc317c5ce42cfbc42066a00cf26b43eb53f
        );
    }

    function test_safes_areTheirHashes() public {
        _proveCreate2("Safe", Constants.PREINSTALL_SAFE);
        _proveCreate2("SafeL2", Constants.PREINSTALL_SAFE_L2);
        _proveCreate2("MultiSend", Constants.PREINSTALL_MULTI_SEND);
        _proveCreate2("MultiSendCallOnly", Constants.PREINSTALL_MULTI_SEND_CALL_ONLY);
        // What the constructor leaves, so that nobody can set up the singletons for himself.
        vm.assertEq(vm.load(Constants.PREINSTALL_SAFE, bytes32(uint256(4))), bytes32(uint256(1)));
        vm.assertEq(vm.load(Constants.PREINSTALL_SAFE_L2, bytes32(uint256(4))), bytes32(uint256(1)));
    }

    function test_entryPoints_areTheirHashes() public {
        _proveCreate2("EntryPoint06", Constants.PREINSTALL_ENTRY_POINT_06);
        _proveCreate2("EntryPoint07", Constants.PREINSTALL_ENTRY_POINT_07);
        _proveCreated("SenderCreator06", Constants.PREINSTALL_SENDER_CREATOR_06);
        _proveCreated("SenderCreator07", Constants.PREINSTALL_SENDER_CREATOR_07);
    }

    function test_create2Deployer_isItsPublishedHash() public view {
        string memory json = _read("Create2Deployer");
        vm.assertEq(files.parseJsonAddress(json, ".address"), Constants.PREINSTALL_CREATE2_DEPLOYER);
        bytes32 hash = 0xb0550b5b431e30d38000efb7107aaa0ade03d48a7198a140edda9d27134468b2;
        vm.assertEq(files.parseJsonBytes32(json, ".creation.hash"), hash);
        vm.assertEq(keccak256(files.parseJsonBytes(json, ".deployedBytecode")), hash);
    }

    // The constructor writes the chain's id and the domain separator into the code, at the places
    // that the artifact names; all else is the same on every chain.
    function testFuzz_permit2_isItsHashOnEveryChain(uint64 id) public {
        id = uint64(_bound(id, 1, type(uint64).max - 1));
        files.chainId(id);
        string memory json = _read("Permit2");
        bytes memory code = files.parseJsonBytes(json, ".deployedBytecode");
        _place(code, files.parseJsonUint(json, ".immutables.chainId"), bytes32(uint256(id)));
        _place(
            code,
            files.parseJsonUint(json, ".immutables.domainSeparator"),
            keccak256(
                abi.encode(
                    keccak256(
                        "EIP712Domain(string name,uint256 chainId,address verifyingContract)"
                    ),
                    keccak256("Permit2"),
                    uint256(id),
                    Constants.PREINSTALL_PERMIT2
                )
            )
        );
        _create2(json, Constants.PREINSTALL_PERMIT2);
        vm.assertEq(Constants.PREINSTALL_PERMIT2.code, code);
    }

    // The implementations are what the constructors leave, on chain 1, at their own addresses.
    function test_attestationService_isWhatItsConstructorsLeave() public {
        files.chainId(1);
        _proveConstructor("SchemaRegistry", Constants.SCHEMA_REGISTRY);
        _proveConstructor("EAS", Constants.EAS);
        // What the constructor writes, the proxy's storage must hold as well.
        vm.assertEq(
            vm.load(_implementationOf(Constants.EAS), bytes32(uint256(2))),
            bytes32("EAS") | bytes32(uint256(6))
        );
    }

    function testFuzz_attestationService_worksBehindItsProxies(uint64 id) public {
        id = uint64(_bound(id, 1, type(uint64).max - 1));
        files.chainId(id);
        _installBehindProxy("SchemaRegistry", Constants.SCHEMA_REGISTRY);
        _installBehindProxy("EAS", Constants.EAS);
        vm.store(Constants.EAS, bytes32(uint256(2)), bytes32("EAS") | bytes32(uint256(6)));
        IEAS eas = IEAS(Constants.EAS);
        vm.assertEq(eas.getName(), "EAS");
        vm.assertEq(eas.version(), "1.3.0");
        vm.assertEq(eas.getSchemaRegistry(), Constants.SCHEMA_REGISTRY);
        vm.assertEq(
            eas.getDomainSeparator(),
            keccak256(
                abi.encode(
                    keccak256(
                        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                    ),
                    keccak256("EAS"),
                    keccak256("1.3.0"),
                    uint256(id),
                    Constants.EAS
                )
            )
        );
        bytes32 schema = IEAS(Constants.SCHEMA_REGISTRY).register("bool like", address(0), true);
        bytes32 uid = eas.attest(
            IEAS.AttestationRequest(
                schema,
                IEAS.AttestationRequestData(address(7), 0, true, bytes32(0), abi.encode(true), 0)
            )
        );
        vm.assertTrue(eas.isAttestationValid(uid));
    }

    // --- the four ways into the world ---

    function _proveTransaction(string memory name, address expected) private {
        string memory json = _read(name);
        vm.assertEq(files.parseJsonString(json, ".creation.kind"), "transaction");
        vm.assertEq(files.parseJsonAddress(json, ".address"), expected);
        uint256 v = files.parseJsonUint(json, ".creation.v");
        address signer = ecrecover(
            keccak256(_unsigned(json, v)),
            uint8(v > 28 ? 27 + (v - 35) % 2 : v),
            files.parseJsonBytes32(json, ".creation.r"),
            files.parseJsonBytes32(json, ".creation.s")
        );
        vm.assertTrue(signer != address(0));
        bytes memory origin = RLP.encoder().push(signer).push(uint256(0)).encode();
        vm.assertEq(address(uint160(uint256(keccak256(origin)))), expected);
        // forge brings the first deployer with it.
        vm.etch(expected, "");
        files.resetNonce(expected);
        files.resetNonce(signer);
        bytes memory code = files.parseJsonBytes(json, ".creation.code");
        address created;
        vm.prank(signer);
        assembly ("memory-safe") {
            created := create(0, add(code, 0x20), mload(code))
        }
        vm.assertEq(created, expected);
        vm.assertEq(created.code, files.parseJsonBytes(json, ".deployedBytecode"));
    }

    function _proveCreate2(string memory name, address expected) private {
        string memory json = _read(name);
        _create2(json, expected);
        vm.assertEq(expected.code, files.parseJsonBytes(json, ".deployedBytecode"));
    }

    function _proveCreated(string memory name, address expected) private view {
        string memory json = _read(name);
        vm.assertEq(files.parseJsonString(json, ".creation.kind"), "create");
        vm.assertEq(files.parseJsonAddress(json, ".address"), expected);
        address creator = files.parseJsonAddress(json, ".creation.creator");
        // EIP-161: a contract's first creation has the nonce 1.
        bytes memory origin = RLP.encoder().push(creator).push(uint256(1)).encode();
        vm.assertEq(address(uint160(uint256(keccak256(origin)))), expected);
        vm.assertEq(expected.code, files.parseJsonBytes(json, ".deployedBytecode"));
    }

    function _proveConstructor(string memory name, address predeploy) private {
        string memory json = _read(name);
        vm.assertEq(files.parseJsonString(json, ".creation.kind"), "constructor");
        address expected = _implementationOf(predeploy);
        vm.assertEq(files.parseJsonAddress(json, ".address"), expected);
        vm.etch(expected, files.parseJsonBytes(json, ".creation.code"));
        (bool ok, bytes memory code) = expected.call("");
        vm.assertTrue(ok);
        vm.assertEq(code, files.parseJsonBytes(json, ".deployedBytecode"));
    }

    /// @dev As genesis does it.
    function _installBehindProxy(string memory name, address predeploy) private {
        address implementation = _implementationOf(predeploy);
        vm.etch(implementation, files.parseJsonBytes(_read(name), ".deployedBytecode"));
        vm.etch(predeploy, address(new Proxy(address(this))).code);
        vm.store(predeploy, Constants.SLOT_PROXY_ADMIN, _word(Constants.L2_PROXY_ADMIN));
        vm.store(predeploy, Constants.SLOT_PROXY_IMPLEMENTATION, _word(implementation));
    }

    function _implementationOf(address predeploy) private pure returns (address) {
        return address(uint160(Constants.CODE_NAMESPACE) | uint16(uint160(predeploy)));
    }

    function _word(address account) private pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }

    /// @dev The deployers must have been proven, so that placing their code is no assumption.
    function _create2(string memory json, address expected) private {
        vm.assertEq(files.parseJsonString(json, ".creation.kind"), "create2");
        vm.assertEq(files.parseJsonAddress(json, ".address"), expected);
        address factory = files.parseJsonAddress(json, ".creation.factory");
        string memory deployer = factory == Constants.PREINSTALL_DETERMINISTIC_DEPLOYER
            ? "DeterministicDeploymentProxy"
            : "SafeSingletonFactory";
        vm.assertEq(files.parseJsonAddress(_read(deployer), ".address"), factory);
        vm.etch(factory, files.parseJsonBytes(_read(deployer), ".deployedBytecode"));
        (bool ok, bytes memory answer) = factory.call(
            abi.encodePacked(
                files.parseJsonBytes32(json, ".creation.salt"),
                files.parseJsonBytes(json, ".creation.code")
            )
        );
        vm.assertTrue(ok);
        vm.assertEq(answer, abi.encodePacked(expected));
    }

    // --- legacy transactions (EIP-155) ---

    function _common(string memory json) private pure returns (RLP.Encoder memory) {
        return RLP.encoder().push(uint256(0)).push(files.parseJsonUint(json, ".creation.gasPrice"))
            .push(files.parseJsonUint(json, ".creation.gasLimit")).push(bytes("")).push(uint256(0))
            .push(files.parseJsonBytes(json, ".creation.code"));
    }

    function _unsigned(string memory json, uint256 v) private pure returns (bytes memory) {
        RLP.Encoder memory fields = _common(json);
        if (v > 28) fields = fields.push((v - 35) / 2).push(uint256(0)).push(uint256(0));
        return fields.encode();
    }

    function _signed(string memory json) private pure returns (bytes memory) {
        return _common(json).push(files.parseJsonUint(json, ".creation.v"))
            .push(files.parseJsonUint(json, ".creation.r"))
            .push(files.parseJsonUint(json, ".creation.s")).encode();
    }

    function _read(string memory name) private view returns (string memory) {
        return files.readFile(string.concat("artifacts/preinstalls/", name, ".json"));
    }

    function _place(bytes memory code, uint256 offset, bytes32 value) private pure {
        for (uint256 i = 0; i < 32; ++i) {
            vm.assertEq(uint256(uint8(code[offset + i])), 0);
            code[offset + i] = value[i];
        }
    }
}
