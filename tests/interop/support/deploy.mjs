// A founder's file, and `viaduct deploy` with it.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { accounts, keys } from './chain.mjs'
import { Child, run, temporaryFolder, viaduct } from './harness.mjs'

/** Accounts of the ten: who does what. */
export const roles = { batcher: 9, proposer: 8, deployer: 7, owner: 6, guardian: 3 }
const ether = 10n ** 18n
const address = (role) => accounts[roles[role]].address

/** A founder's file with everything that deploy asks for. */
export function chainConfig(changes = {}) {
  return {
    l1ChainID: 31337, l2ChainID: 5901, l2BlockTime: 1, sequencerWindowSize: 3600,
    batchSenderAddress: address('batcher'), p2pSequencerAddress: address('batcher'),
    l2OutputOracleProposer: address('proposer'), superchainConfigGuardian: address('guardian'),
    finalSystemOwner: address('owner'), proxyAdminOwner: address('owner'),
    batchInboxAddress: '0xff00000000000000000000000000000000005901',
    proofMaturityDelaySeconds: 5, disputeGameFinalityDelaySeconds: 3, faultGameMaxClockDuration: 5,
    faultGameClockExtension: 1, preimageOracleChallengePeriod: 2, faultGameWithdrawalDelay: 3,
    gasPriceOracleOperatorFeeScalar: 11, gasPriceOracleOperatorFeeConstant: 12,
    ...Object.fromEntries(['sequencerFee', 'baseFee', 'l1Fee', 'operatorFee'].flatMap((fee) =>
      [[`${fee}VaultRecipient`, address('owner')], [`${fee}VaultWithdrawalNetwork`, 'local']])),
    fundAccounts: Object.fromEntries(accounts.map((account) =>
      [account.address, `0x${(10_000n * ether).toString(16)}`])),
    ...changes,
  }
}

/** Writes a role's key file; its path. */
export function keyFile(role) {
  const file = join(temporaryFolder(), `${role}.key`)
  writeFileSync(file, `${keys[roles[role]]}\n`, { mode: 0o600 })
  chmodSync(file, 0o600)
  return file
}

export class Deployment {
  constructor(l1Url, config = chainConfig()) {
    this.l1Url = l1Url
    this.folder = temporaryFolder()
    this.configFile = join(temporaryFolder(), 'chain.json')
    this.key = keyFile('deployer')
    this.configure(config)
  }

  configure(config) {
    this.config = config
    writeFileSync(this.configFile, typeof config === 'string' ? config : JSON.stringify(config))
  }

  arguments(extra = []) {
    return ['deploy', '--l1', this.l1Url, '--config', this.configFile, '--out', this.folder,
      ...(extra.some((text) => /^--(keystore|signer|key-file)/.test(text)) ? [] : ['--key-file', this.key]), ...extra]
  }

  run(extra, timeout = 120_000) {
    return run(viaduct, this.arguments(extra), { timeout })
  }

  start(extra) {
    return new Child(viaduct, this.arguments(extra), { name: 'deploy' })
  }

  json(name) {
    return JSON.parse(readFileSync(join(this.folder, name), 'utf8'))
  }

  get addresses() {
    return this.json('addresses.json')
  }

  /** { name: { where, status, tx } } of the plan file. */
  get plan() {
    const lines = readFileSync(join(this.folder, 'deploy-plan.txt'), 'utf8').split('\n')
    return Object.fromEntries(lines.filter((line) => line && !line.startsWith('#')).map((line) => {
      const [name, where, status, tx] = line.split(/\s+/)
      return [name, { where, status, tx }]
    }))
  }
}
