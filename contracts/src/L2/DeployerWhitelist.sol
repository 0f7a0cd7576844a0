// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/**
 * @title DeployerWhitelist
 * @notice The predeploy at 0x4200000000000000000000000000000000000002: who could create contracts
 * before Bedrock. The protocol asks nobody's leave any more, and the contract has no owner who could
 * change a list; it remains for those who ask.
 *
 * | slot | content   |
 * |------|-----------|
 * | 0    | owner     |
 * | 1    | whitelist |
 */
contract DeployerWhitelist {
    /// @notice Who keeps the list. Zero: nobody, and everybody may create contracts.
    address public owner;

    /// @notice Whether an account is on the list.
    mapping(address deployer => bool) public whitelist;

    /// @notice The list has another owner.
    event OwnerChanged(address oldOwner, address newOwner);

    /// @notice An account was put on the list or struck off.
    event WhitelistStatusChanged(address deployer, bool whitelisted);

    /// @notice The list was given up for good.
    event WhitelistDisabled(address oldOwner);

    /// @notice The caller does not keep the list.
    error NotOwner();

    /// @notice Only enableArbitraryContractDeployment may leave the list without an owner.
    error NoOwner();

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner();
        _;
    }

    /**
     * @notice Puts an account on the list or strikes it off.
     * @param deployer      The account.
     * @param isWhitelisted Whether it is on the list from now on.
     */
    function setWhitelistedDeployer(address deployer, bool isWhitelisted) external onlyOwner {
        whitelist[deployer] = isWhitelisted;
        emit WhitelistStatusChanged(deployer, isWhitelisted);
    }

    /**
     * @notice Hands the list to another owner.
     * @param newOwner Any address but zero.
     */
    function setOwner(address newOwner) external onlyOwner {
        if (newOwner == address(0)) revert NoOwner();
        emit OwnerChanged(owner, newOwner);
        owner = newOwner;
    }

    /// @notice Gives up the list for good.
    function enableArbitraryContractDeployment() external onlyOwner {
        emit WhitelistDisabled(owner);
        owner = address(0);
    }

    /**
     * @notice Whether an account may create contracts.
     * @param deployer The account.
     */
    function isDeployerAllowed(address deployer) external view returns (bool) {
        return owner == address(0) || whitelist[deployer];
    }

    /// @notice Semantic version of this contract.
    function version() external pure returns (string memory) {
        return "1.1.0";
    }
}
