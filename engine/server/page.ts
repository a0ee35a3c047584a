import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';

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

/** Answers with the page: files under /assets/ as they are, every other address with index.html (client routing). */
export async function sendPage(folder: string, path: string, response: ServerResponse): Promise<void> {
  const asset = assetPath(folder, path);
  if (asset === undefined) return sendIndex(folder, response);
  try {
    const body = await readFile(asset);
    const type = types[extname(asset)] ?? 'application/octet-stream';
    // Asset names carry a hash of their content.
    response
      .writeHead(200, {
        ...commonHeaders,
        'content-type': type,
        'cache-control': 'private, max-age=31536000, immutable',
      })
      .end(body);
  } catch {
    sendText(response, 404, 'no such file\n');
  }
}

export function sendText(response: ServerResponse, status: number, text: string): void {
  response
    .writeHead(status, { ...commonHeaders, 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
    .end(text);
}

/** Path of a file below /assets/; undefined for everything else, traversal included. */
function assetPath(folder: string, path: string): string | undefined {
  if (!path.startsWith('/assets/')) return undefined;
  const root = join(folder, 'assets') + sep;
  const full = normalize(join(folder, decodeURIComponent(path)));
  return full.startsWith(root) ? full : join(root, 'missing');
}

async function sendIndex(folder: string, response: ServerResponse): Promise<void> {
  let html: string;
  try {
    html = await readFile(join(folder, 'index.html'), 'utf8');
  } catch {
    sendText(response, 503, 'The page is not built. Run: npm run build\n');
    return;
  }
  const nonce = randomBytes(16).toString('base64');
  response
    .writeHead(200, {
      ...commonHeaders,
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': contentSecurityPolicy(nonce),
      'cache-control': 'no-store',
    })
    .end(html.replaceAll('__CSP_NONCE__', nonce));
}
