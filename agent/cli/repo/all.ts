import type { Command } from 'commander';
import english from '../../../assets/locales/errors.en.json' with { type: 'json' };
import type { ErrorCode } from '../../../shared/errors.ts';
import { printError, wantJson } from '../../../shared/node/print.ts';
import { check } from './check.ts';
import { addKey, exportKey, listKeys, removeKey } from './keys.ts';
import { list } from './list.ts';
import { addPlaceOptions } from './place.ts';
import { restore } from './restore.ts';
import { locks, prune, rebuildIndex, stats } from './upkeep.ts';

const noLock = ['--no-lock', 'only read, and write no lock: for a read-only or locked repository'] as const;
const yes = ['--yes', 'do not ask'] as const;

/**
 * `holdfast-agent repo …`: everything that can be done to a repository without an engine and without an agent's identity;
 * the way back when the manager is gone.
 */
export function addRepo(program: Command): void {
  const repo = program.command('repo').description('work on a repository itself, without any manager');
  repo.hook('preAction', (_self, action) => wantJson(action.opts()['json'] === true));
  const command = (parent: Command, name: string, description: string) =>
    addPlaceOptions(parent.command(name).description(description)).option('--json', 'print JSON');
  command(repo, 'list', 'restore points, and snapshots of other programs')
    .option('--vm <name>', 'only of this VM: name or UUID')
    .option(...noLock)
    .action(list);
  command(repo, 'restore', 'restore a backup into a folder: disks, vm.json, native files')
    .requiredOption('--backup <id>', 'UUID of a backup, or id of a snapshot')
    .requiredOption('--to <folder>', 'absent or empty')
    .option('--disk <id...>', 'only these disks')
    .option('--path <path>', 'instead: a file or folder inside the snapshot, whoever made it')
    .option('--format <format>', 'of the disks: raw or qcow2', 'raw')
    .option(...noLock)
    .action(restore);
  command(repo, 'check', 'look for damage')
    .option('--read-data', 'read every pack and check every hash')
    .option('--sample <share>', 'read this share of the packs, for example 5%')
    .option('--backup <id>', 'read again what this backup needs, nothing else')
    .option(...noLock)
    .action(check);
  command(repo, 'stats', 'what it holds')
    .option(...noLock)
    .action(stats);
  command(repo, 'prune', 'free what no backup uses any more')
    .option('--dry-run', 'only say how much it would free')
    .option('--max-unused <share>', 'unused data that may stay', '5%')
    .option(...yes)
    .action(prune);
  command(repo, 'locks', 'who uses it')
    .option('--remove-stale', 'remove locks whose owners are gone')
    .option(...yes)
    .action(locks);
  command(repo, 'rebuild-index', 'make the index anew from the packs')
    .option(...yes)
    .action(rebuildIndex);
  const keys = repo.command('keys').description('passwords of the repository');
  command(keys, 'list', 'every password has a key').action(listKeys);
  command(keys, 'add', 'let one more password open it')
    .option('--new-password-file <file>', 'asked for when left out')
    .action(addKey);
  command(keys, 'remove <key>', 'take a password away')
    .option('--other-password-file <file>', 'to remove the one in use: a password that stays')
    .option(...yes)
    .action(removeKey);
  command(keys, 'export [key]', 'the key as a file, for the day the folder keys is lost')
    .requiredOption('--out <file>', 'the key file itself; with .html a page for paper')
    .action(exportKey);
}

const help: Record<ErrorCode, { action: string }> = english;

/** Prints an error for people, or as JSON with --json. @returns the exit code */
export function reportRepoError(error: unknown): number {
  wantJson(process.argv.includes('--json'));
  return printError(error, (code) => help[code].action);
}
