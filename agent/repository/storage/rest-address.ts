import { AppError } from '../../../shared/errors.ts';
import { checkFileName, type FileType, folderOfType } from './storage.ts';

/** Asked for in `Accept`: listings then come with sizes. */
export const restVersion2 = 'application/vnd.x.restic.rest.v2';

/** Where a file stands below the repository's address. @throws AppError invalidValue */
export function restPath(type: FileType, name: string): string {
  checkFileName(name);
  return `${folderOfType[type]}/${name}`;
}

export interface RestAddress {
  isSecure: boolean;
  /** Without the brackets of IPv6. */
  host: string;
  port: number;
  /** As the Host header holds it. */
  authority: string;
  /** Starts and ends with a slash, percent-encoded. */
  basePath: string;
  /** For messages: holds no secret. */
  shown: string;
}

/**
 * Takes the address apart; `rest:` before it is restic's way of writing and goes.
 * @throws AppError invalidValue, which never shows the address: it may hold a password
 */
export function parseRestAddress(text: string): RestAddress {
  const url = URL.parse(text.trim().replace(/^rest:/u, ''));
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.hostname === '') {
    throw new AppError('invalidValue', 'the address of a REST server looks like https://host:8000/path/', {
      field: 'url',
    });
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new AppError('invalidValue', 'the address of a REST server holds no user, no password, no "?" and no "#"', {
      field: 'url',
      hint: 'Give user and password in fields of their own.',
    });
  }
  const isSecure = url.protocol === 'https:';
  const basePath = url.pathname.endsWith('/') ? url.pathname : `${url.pathname}/`;
  return {
    isSecure,
    host: url.hostname.replace(/^\[(.*)\]$/u, '$1'),
    port: url.port === '' ? (isSecure ? 443 : 80) : Number(url.port),
    authority: url.host,
    basePath,
    shown: `rest:${url.protocol}//${url.host}${basePath}`,
  };
}
