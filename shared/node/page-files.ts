import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize, sep } from 'node:path';

/** An answer with the console's page, for whichever server gives it: the engine's web face or Electron's scheme. */
export interface PageAnswer {
  status: number;
  headers: Record<string, string>;
  body: Buffer | string;
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
};

/** The policy the page lives under; Mantine's few run-time styles carry the nonce. */
export function contentSecurityPolicy(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    'trusted-types default',
  ].join('; ');
}

const commonHeaders = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
};

/**
 * The page: files under /assets/ as they are, every other address with index.html (client routing).
 * @param path the address's path, percent-encoded as it came
 */
export async function readPage(folder: string, path: string): Promise<PageAnswer> {
  if (!path.startsWith('/assets/')) return readIndex(folder);
  const file = assetFile(folder, path);
  const body = file === undefined ? undefined : await readIfFile(file);
  if (file === undefined || body === undefined) return textAnswer(404, 'no such file\n');
  return {
    status: 200,
    headers: {
      ...commonHeaders,
      'content-type': types[extname(file)] ?? 'application/octet-stream',
      // Asset names carry a hash of their content.
      'cache-control': 'private, max-age=31536000, immutable',
    },
    body,
  };
}

/** A short plain text, e.g. of a refusal. */
export function textAnswer(status: number, text: string): PageAnswer {
  const headers = { ...commonHeaders, 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };
  return { status, headers, body: text };
}

/** The file below assets/ that an address means; undefined when it leads out of that folder or is no address. */
function assetFile(folder: string, path: string): string | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    // A broken percent sign: no file of ours is called like that.
    return undefined;
  }
  const full = normalize(join(folder, decoded));
  return full.startsWith(join(folder, 'assets') + sep) && !full.includes('\0') ? full : undefined;
}

async function readIfFile(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EISDIR' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return undefined;
    throw error;
  }
}

async function readIndex(folder: string): Promise<PageAnswer> {
  const html = await readIfFile(join(folder, 'index.html'));
  if (html === undefined) return textAnswer(503, 'The page is not built. Run: npm run build\n');
  const nonce = randomBytes(16).toString('base64');
  return {
    status: 200,
    headers: {
      ...commonHeaders,
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': contentSecurityPolicy(nonce),
      'cache-control': 'no-store',
    },
    body: html.toString('utf8').replaceAll('__CSP_NONCE__', nonce),
  };
}
