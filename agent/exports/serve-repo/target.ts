import { folderOfType } from '../../repository/storage/storage.ts';
import { type FileType, fileTypes, isFileName } from '../../repository/storage/storage.ts';
import { Refusal } from './refusal.ts';

/** What a request is about. `repository` are the names of the folders that lead to it. */
export type Target = { repository: readonly string[] } & (
  | { kind: 'repository'; isCreation: boolean }
  | { kind: 'config' }
  | { kind: 'listing'; type: FileType }
  | { kind: 'file'; type: FileType; name: string }
);

const typeOf = new Map<string, FileType>(fileTypes.map((type) => [folderOfType[type], type]));
const mostFolders = 8;
const folderPattern = /^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,99}$/u;

/** Whether a folder below the served one may be called so: no dots first, no separators, nothing that means a part of a repository. */
export function isFolderName(text: string): boolean {
  return folderPattern.test(text) && !typeOf.has(text) && text !== 'config' && text !== 'tmp';
}

/**
 * Takes a request's address apart. Nothing else builds paths, and every piece of one is checked here.
 * @param address as it stands in the first line of the request
 * @throws Refusal 400, 404
 */
export function parseTarget(address: string): Target {
  const [path, query] = splitOnce(address, '?');
  if (!path.startsWith('/')) throw new Refusal(400, 'not a path');
  const pieces = path.slice(1).split('/').map(decoded);
  // `/data` and `/data/` are the same.
  if (pieces.at(-1) === '') pieces.pop();
  const end = pieces.findIndex((piece) => typeOf.has(piece) || piece === 'config');
  const repository = end === -1 ? pieces : pieces.slice(0, end);
  const rest = end === -1 ? [] : pieces.slice(end);
  if (repository.length > mostFolders || !repository.every(isFolderName)) throw new Refusal(404, 'no such address');
  const [folder, name] = rest;
  if (folder === undefined) return { repository, kind: 'repository', isCreation: query === 'create=true' };
  const type = typeOf.get(folder);
  if (type === undefined && rest.length === 1) return { repository, kind: 'config' };
  if (type === undefined || rest.length > 2) throw new Refusal(404, 'no such address');
  if (name === undefined) return { repository, kind: 'listing', type };
  if (!isFileName(name)) throw new Refusal(400, 'not the name of a repository file');
  return { repository, kind: 'file', type, name };
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function decoded(piece: string): string {
  try {
    return decodeURIComponent(piece);
  } catch (error) {
    if (error instanceof URIError) throw new Refusal(400, 'not a path');
    throw error;
  }
}
