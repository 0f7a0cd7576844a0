// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {ILegacyMintableERC20} from "../../src/universal/interfaces/ILegacyMintableERC20.sol";
import {IOptimismMintableERC20} from "../../src/universal/interfaces/IOptimismMintableERC20.sol";

/// @title OpenToken
/// @notice An ERC-20 of which anyone may have as much as they like.
contract OpenToken is ERC20 {
    constructor() ERC20("Open", "OPEN") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @title FeeToken
/// @notice An ERC-20 that keeps a tenth of every transfer.
contract FeeToken is ERC20 {
    constructor() ERC20("Fee", "FEE") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (from != address(0) && to != address(0)) {
            super._update(from, address(0), amount / 10);
            amount -= amount / 10;
        }
        super._update(from, to, amount);
    }
}

/// @title SilentToken
/// @notice An ERC-20 whose transfers return nothing, as some of the oldest do.
contract SilentToken {
    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @title RefusingToken
/// @notice An ERC-20 whose transfers return false.
contract RefusingToken {
    function transferFrom(address, address, uint256) external pure returns (bool) {
        return false;
    }
}

/// @title CallingToken
/// @notice An ERC-20 that makes a call of its owner's choice whenever it is moved.
contract CallingToken is ERC20 {
    address public target;
    bytes public data;
    bool public succeeded;

    constructor() ERC20("Calling", "CALL") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function aim(address target_, bytes calldata data_) external {
        target = target_;
        data = data_;
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (target == address(0)) return;
        (succeeded,) = target.call(data);
    }
}

/// @title LegacyMintable
/// @notice A mintable ERC-20 as they were before Bedrock: it knows only the older interface.
contract LegacyMintable is ERC20, ILegacyMintableERC20, IERC165 {
    address public l1Token;

    constructor(address l1Token_) ERC20("Legacy", "LEG") {
        l1Token = l1Token_;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function burn(address from, uint256 amount) external {
        _burn(from, amount);
    }

    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == type(IERC165).interfaceId || id == 0x1d1d8b63;
    }
}

/// @title NewMintable
/// @notice A mintable ERC-20 that knows only the newer interface.
contract NewMintable is ERC20, IOptimismMintableERC20, IERC165 {
    address public remoteToken;
    address public bridge;

    constructor(address remoteToken_) ERC20("New", "NEW") {
        remoteToken = remoteToken_;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function burn(address from, uint256 amount) external {
        _burn(from, amount);
    }

    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == type(IERC165).interfaceId || id == 0xec4fc8e3;
    }
}

/// @title OpenCollection
/// @notice An ERC-721 of which anyone may mint.
contract OpenCollection is ERC721 {
    constructor() ERC721("Open", "OPEN") {}

    function mint(address to, uint256 tokenId) external {
        _mint(to, tokenId);
    }
}
