// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {Constants} from "../libraries/Constants.sol";
import {ILegacyMintableERC20} from "./interfaces/ILegacyMintableERC20.sol";
import {IOptimismMintableERC20} from "./interfaces/IOptimismMintableERC20.sol";

/**
 * @title OptimismMintableERC20
 * @notice An ERC-20 that stands for a token of the other layer. The bridge mints it when the token
 * is sent over and burns it on the way back. Permit2 may move it without an approval of its own.
 *
 * Owners may approve by signature (ERC-2612). OpenZeppelin's ERC20Permit is not used for it, since
 * it takes no name of more than 31 bytes, while a token must be able to carry its counterpart's.
 */
contract OptimismMintableERC20 is
    IOptimismMintableERC20,
    ILegacyMintableERC20,
    IERC20Permit,
    ERC20,
    Nonces,
    IERC165
{
    bytes32 private constant _DOMAIN_TYPEHASH = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    );
    bytes32 private constant _PERMIT_TYPEHASH = keccak256(
        "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant _HASHED_VERSION = keccak256("1");

    /// @notice The token on the other layer, by its older name.
    address public immutable REMOTE_TOKEN;

    /// @notice The bridge that mints and burns, by its older name.
    address public immutable BRIDGE;

    uint8 private immutable _DECIMALS;
    bytes32 private immutable _HASHED_NAME;

    /// @notice The bridge minted amount for account.
    event Mint(address indexed account, uint256 amount);

    /// @notice The bridge burnt amount of account.
    event Burn(address indexed account, uint256 amount);

    /// @notice Only the bridge mints and burns.
    error OnlyBridge();

    /// @notice The time of the signature's validity is over.
    error ERC2612ExpiredSignature(uint256 deadline);

    /// @notice Someone other than the owner signed.
    error ERC2612InvalidSigner(address signer, address owner);

    modifier onlyBridge() {
        if (msg.sender != BRIDGE) revert OnlyBridge();
        _;
    }

    /**
     * @param bridge_      The bridge that mints and burns.
     * @param remoteToken_ The token on the other layer.
     * @param name_        Name, for display.
     * @param symbol_      Symbol, for display.
     * @param decimals_    Decimal places, for display; those of the remote token.
     */
    constructor(
        address bridge_,
        address remoteToken_,
        string memory name_,
        string memory symbol_,
        uint8 decimals_
    ) ERC20(name_, symbol_) {
        REMOTE_TOKEN = remoteToken_;
        BRIDGE = bridge_;
        _DECIMALS = decimals_;
        _HASHED_NAME = keccak256(bytes(name_));
    }

    /**
     * @notice Mints. Only the bridge may.
     * @param to     Who gets the tokens.
     * @param amount How many.
     */
    function mint(address to, uint256 amount)
        external
        override(IOptimismMintableERC20, ILegacyMintableERC20)
        onlyBridge
    {
        _mint(to, amount);
        emit Mint(to, amount);
    }

    /**
     * @notice Burns. Only the bridge may, and does so for the owner alone.
     * @param from   Who loses the tokens.
     * @param amount How many.
     */
    function burn(address from, uint256 amount)
        external
        override(IOptimismMintableERC20, ILegacyMintableERC20)
        onlyBridge
    {
        _burn(from, amount);
        emit Burn(from, amount);
    }

    /**
     * @notice Sets an allowance by the owner's signature (ERC-2612).
     * @param owner    Whose tokens.
     * @param spender  Who may spend.
     * @param value    How many.
     * @param deadline Last second at which the signature counts.
     * @param v        Signature: parity.
     * @param r        Signature: x coordinate of the random point.
     * @param s        Signature: proof.
     */
    function permit(
        address owner,
        address spender,
        uint256 value,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external {
        if (block.timestamp > deadline) revert ERC2612ExpiredSignature(deadline);
        bytes32 content = keccak256(
            abi.encode(_PERMIT_TYPEHASH, owner, spender, value, _useNonce(owner), deadline)
        );
        address signer =
            ECDSA.recover(MessageHashUtils.toTypedDataHash(DOMAIN_SEPARATOR(), content), v, r, s);
        if (signer != owner) revert ERC2612InvalidSigner(signer, owner);
        _approve(owner, spender, value);
    }

    /**
     * @notice Raises an allowance, as tokens of this kind always could.
     * @param spender    Who may spend.
     * @param addedValue How much more.
     */
    function increaseAllowance(address spender, uint256 addedValue) external returns (bool) {
        _approve(msg.sender, spender, allowance(msg.sender, spender) + addedValue);
        return true;
    }

    /**
     * @notice Lowers an allowance, as tokens of this kind always could.
     * @param spender         Who may spend.
     * @param subtractedValue How much less.
     */
    function decreaseAllowance(address spender, uint256 subtractedValue) external returns (bool) {
        _approve(msg.sender, spender, allowance(msg.sender, spender) - subtractedValue);
        return true;
    }

    /// @notice The token on the other layer, by its oldest name.
    function l1Token() external view returns (address) {
        return REMOTE_TOKEN;
    }

    /// @notice The bridge that mints and burns, by its oldest name.
    function l2Bridge() external view returns (address) {
        return BRIDGE;
    }

    /// @notice The token on the other layer.
    function remoteToken() external view returns (address) {
        return REMOTE_TOKEN;
    }

    /// @notice The bridge that mints and burns.
    function bridge() external view returns (address) {
        return BRIDGE;
    }

    /// @notice The contract that needs no approval.
    function PERMIT2() external pure returns (address) {
        return Constants.PREINSTALL_PERMIT2;
    }

    /// @notice Whether this contract has the interface with this id (ERC-165).
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId
            || interfaceId == type(ILegacyMintableERC20).interfaceId
            || interfaceId == type(IOptimismMintableERC20).interfaceId;
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.0.0";
    }

    /// @notice What signatures over this token's permits are bound to (EIP-712).
    // forge-lint: disable-next-item(mixed-case-function)
    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        return keccak256(
            abi.encode(
                _DOMAIN_TYPEHASH, _HASHED_NAME, _HASHED_VERSION, block.chainid, address(this)
            )
        );
    }

    /// @notice How many permits of owner were used, and so the nonce of the next.
    function nonces(address owner) public view override(IERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    /**
     * @notice What spender may spend of owner's tokens; Permit2 asks owners itself and may spend
     * all.
     */
    function allowance(address owner, address spender) public view override returns (uint256) {
        if (spender == Constants.PREINSTALL_PERMIT2) return type(uint256).max;
        return super.allowance(owner, spender);
    }

    /// @notice Decimal places, for display.
    function decimals() public view override returns (uint8) {
        return _DECIMALS;
    }
}
