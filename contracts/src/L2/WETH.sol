// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/**
 * @title WETH
 * @notice The predeploy at 0x4200000000000000000000000000000000000006: ether as an ERC-20, with the
 * interface and the manners of WETH9. It is not behind a proxy, so nobody can change it.
 *
 * A token is always backed by the ether it stands for. The supply is this contract's balance, which
 * ether that was forced in (EIP-6780) can raise above the sum of all balances.
 */
contract WETH {
    /// @notice Decimals of the token, those of ether.
    uint8 public constant decimals = 18;

    /// @notice Tokens of an account, in wei.
    mapping(address account => uint256) public balanceOf;

    /// @notice What a spender may still take of an owner's tokens.
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    /// @notice An owner allowed a spender to take tokens.
    event Approval(address indexed src, address indexed guy, uint256 wad);

    /// @notice Tokens changed hands.
    event Transfer(address indexed src, address indexed dst, uint256 wad);

    /// @notice Ether became tokens.
    event Deposit(address indexed dst, uint256 wad);

    /// @notice Tokens became ether.
    event Withdrawal(address indexed src, uint256 wad);

    /// @notice The account has fewer tokens than are to leave it.
    error InsufficientBalance(uint256 balance, uint256 needed);

    /// @notice The spender is allowed fewer tokens than he is to take.
    error InsufficientAllowance(uint256 allowance, uint256 needed);

    /// @notice The account refuses its ether.
    error TransferFailed();

    /// @notice Makes tokens of the ether that is sent outright.
    receive() external payable {
        deposit();
    }

    /// @notice Makes tokens of the ether that comes with any other call.
    fallback() external payable {
        deposit();
    }

    /// @notice Name of the token.
    function name() external pure returns (string memory) {
        return "Wrapped Ether";
    }

    /// @notice Symbol of the token.
    function symbol() external pure returns (string memory) {
        return "WETH";
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.1.0";
    }

    /// @notice All tokens there are: the ether that backs them.
    function totalSupply() external view returns (uint256) {
        return address(this).balance;
    }

    /// @notice Makes tokens of the ether that is sent, for the sender.
    function deposit() public payable {
        balanceOf[msg.sender] += msg.value;
        emit Deposit(msg.sender, msg.value);
    }

    /**
     * @notice Turns tokens of the caller back into ether.
     * @param wad Amount in wei.
     */
    function withdraw(uint256 wad) external {
        _take(msg.sender, wad);
        emit Withdrawal(msg.sender, wad);
        // The books are settled, so a caller who comes back finds nothing to take twice.
        (bool ok,) = msg.sender.call{value: wad}("");
        if (!ok) revert TransferFailed();
    }

    /**
     * @notice Allows a spender to take tokens of the caller.
     * @param guy The spender.
     * @param wad Amount; the largest number stands for no limit and is never used up.
     */
    function approve(address guy, uint256 wad) external returns (bool) {
        allowance[msg.sender][guy] = wad;
        emit Approval(msg.sender, guy, wad);
        return true;
    }

    /**
     * @notice Sends tokens of the caller.
     * @param dst Who gets them.
     * @param wad Amount.
     */
    function transfer(address dst, uint256 wad) external returns (bool) {
        return transferFrom(msg.sender, dst, wad);
    }

    /**
     * @notice Sends tokens of src, who is the caller or has allowed it.
     * @param src Whose tokens.
     * @param dst Who gets them.
     * @param wad Amount.
     */
    function transferFrom(address src, address dst, uint256 wad) public returns (bool) {
        if (src != msg.sender) {
            uint256 allowed = allowance[src][msg.sender];
            if (allowed != type(uint256).max) {
                if (allowed < wad) revert InsufficientAllowance(allowed, wad);
                allowance[src][msg.sender] = allowed - wad;
            }
        }
        _take(src, wad);
        balanceOf[dst] += wad;
        emit Transfer(src, dst, wad);
        return true;
    }

    function _take(address src, uint256 wad) private {
        uint256 balance = balanceOf[src];
        if (balance < wad) revert InsufficientBalance(balance, wad);
        balanceOf[src] = balance - wad;
    }
}
