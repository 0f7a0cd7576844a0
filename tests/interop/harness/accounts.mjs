// The ten accounts of the public test mnemonic, which anvil and viaduct dev both fund.
import { toHex } from 'viem';
import { mnemonicToAccount } from 'viem/accounts';

export const MNEMONIC = 'test test test test test test test test test test test junk';

export const accounts = Array.from({ length: 10 }, (_, addressIndex) => {
  const account = mnemonicToAccount(MNEMONIC, { addressIndex });
  return Object.assign(account, { key: toHex(account.getHdKey().privateKey) });
});
