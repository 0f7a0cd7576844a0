// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ISystemConfig} from "../L1/interfaces/ISystemConfig.sol";
import {ProxyAdminOwned} from "../universal/ProxyAdminOwned.sol";
import {IDelayedWETH} from "./interfaces/IDelayedWETH.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/**
 * @title DelayedWETH
 * @notice Wrapped ether that holds the bonds of games and gives them back after a delay, in which
 * the owner can put right what a faulty game has decided (OP Stack specs, bond incentives). While
 * the chain is paused nothing is given back.
 *
 * | slot | content                                                        |
 * |------|----------------------------------------------------------------|
 * | 0-4  | of ERC-20: balances, allowances, total supply, name and symbol |
 * | 5    | owner                                                          |
 * | 6    | withdrawals by holder and account                              |
 * | 7    | systemConfig                                                   |
 */
contract DelayedWETH is IDelayedWETH, ERC20, Ownable, Initializable, ProxyAdminOwned {
    /**
     * @notice What a holder has unlocked for an account of its own books.
     * @custom:field amount    Wei that can be unwrapped after the delay.
     * @custom:field timestamp When the latest part was unlocked, in seconds.
     */
    struct WithdrawalRequest {
        uint256 amount;
        uint256 timestamp;
    }

    uint256 private immutable _DELAY_SECONDS;

    /// @notice What was unlocked and not yet unwrapped.
    mapping(address holder => mapping(address guy => WithdrawalRequest)) public withdrawals;

    /// @notice Parameters of the chain.
    ISystemConfig public systemConfig;

    /// @notice Ether was wrapped.
    event Deposit(address indexed dst, uint256 wad);

    /// @notice Ether was unwrapped.
    event Withdrawal(address indexed src, uint256 wad);

    /// @notice The chain is paused.
    error DelayedWETH_Paused();

    /// @notice Less than that was unlocked.
    error DelayedWETH_InsufficientUnlocked();

    /// @notice The delay is not over.
    error DelayedWETH_DelayNotMet();

    /// @param delaySeconds Seconds between unlocking and unwrapping.
    constructor(uint256 delaySeconds) ERC20("", "") Ownable(address(0xdEaD)) {
        _DELAY_SECONDS = delaySeconds;
        _disableInitializers();
    }

    /// @notice Wraps the transferred ether.
    receive() external payable {
        deposit();
    }

    /// @notice Sets the contract up, once.
    /// @param initialOwner Account that may hold back and recover ether.
    /// @param config       Parameters of the chain.
    function initialize(address initialOwner, ISystemConfig config)
        external
        initializer
        onlyProxyAdminOrOwner
    {
        _transferOwnership(initialOwner);
        systemConfig = config;
    }

    /// @inheritdoc IDelayedWETH
    function unlock(address guy, uint256 wad) external {
        WithdrawalRequest storage request = withdrawals[msg.sender][guy];
        request.timestamp = block.timestamp;
        request.amount += wad;
    }

    /// @notice Unwraps an amount that the caller has unlocked for itself.
    /// @param wad Wei.
    function withdraw(uint256 wad) external {
        withdraw(msg.sender, wad);
    }

    /// @notice Takes ether out whoever it belongs to, to be given back once a fault is mended.
    /// Owner only.
    /// @param wad Wei; as much as there is if it is less.
    function recover(uint256 wad) external onlyOwner {
        uint256 available = address(this).balance;
        Address.sendValue(payable(msg.sender), wad < available ? wad : available);
    }

    /// @notice Takes all wrapped ether of a holder. Owner only.
    /// @param guy The holder.
    function hold(address guy) external {
        hold(guy, balanceOf(guy));
    }

    /// @inheritdoc IDelayedWETH
    function delay() external view returns (uint256) {
        return _DELAY_SECONDS;
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.5.0";
    }

    /// @inheritdoc IDelayedWETH
    function deposit() public payable {
        _mint(msg.sender, msg.value);
        emit Deposit(msg.sender, msg.value);
    }

    /// @inheritdoc IDelayedWETH
    function withdraw(address guy, uint256 wad) public {
        if (systemConfig.paused()) revert DelayedWETH_Paused();
        WithdrawalRequest storage request = withdrawals[msg.sender][guy];
        if (request.amount < wad) revert DelayedWETH_InsufficientUnlocked();
        if (block.timestamp < request.timestamp + _DELAY_SECONDS) revert DelayedWETH_DelayNotMet();
        request.amount -= wad;
        _burn(msg.sender, wad);
        emit Withdrawal(msg.sender, wad);
        Address.sendValue(payable(msg.sender), wad);
    }

    /// @notice Takes wrapped ether of a holder. Owner only.
    /// @param guy The holder.
    /// @param wad Wei.
    function hold(address guy, uint256 wad) public onlyOwner {
        _transfer(guy, msg.sender, wad);
    }

    /// @notice Name of the token. A proxy does not see what the constructor of the implementation
    /// stored.
    function name() public pure override returns (string memory) {
        return "Wrapped Ether";
    }

    /// @notice Symbol of the token.
    function symbol() public pure override returns (string memory) {
        return "WETH";
    }
}
