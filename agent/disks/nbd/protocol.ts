/**
 * Numbers of the NBD protocol (fixed newstyle, structured replies):
 * https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
 */
export const magic = {
  greeting: 0x4e42444d41474943n,
  option: 0x49484156454f5054n,
  optionReply: 0x0003e889045565a9n,
  request: 0x25609513,
  simpleReply: 0x67446698,
  structuredReply: 0x668e33ef,
} as const;

/** Flags of the server's greeting; the client answers with the same bits. */
export const handshakeFlag = { fixedNewstyle: 1, noZeroes: 2 } as const;

export const option = { go: 7, structuredReply: 8, setMetaContext: 10 } as const;

export const optionReply = { ack: 1, info: 3, metaContext: 4, errorBit: 0x8000_0000 } as const;

/** Names for the option errors that a user can do something about. */
export const optionErrors: Readonly<Record<number, string>> = {
  0x8000_0001: 'the server does not know the option',
  0x8000_0002: 'the server forbids it by policy',
  0x8000_0003: 'the server calls the request invalid',
  0x8000_0005: 'the server insists on TLS',
  0x8000_0006: 'there is no such export',
  0x8000_0007: 'the server is shutting down',
};

export const info = { export: 0, blockSize: 3 } as const;

export const transmissionFlag = { readOnly: 2, sendFlush: 4, sendWriteZeroes: 64, multiConn: 256 } as const;

export const command = { read: 0, write: 1, disconnect: 2, flush: 3, writeZeroes: 6, blockStatus: 7 } as const;

/** Command flag of writeZeroes: the server need not make a hole of it. */
export const commandFlag = { noHole: 2 } as const;

/** Types of structured reply chunks; types from `errorBit` up are errors. */
export const chunk = { none: 0, data: 1, hole: 2, blockStatus: 5, errorBit: 0x8000 } as const;

/** Flag of the last chunk of a structured reply. */
export const lastChunk = 1;

/** Status flags of base:allocation. */
export const allocation = { hole: 1, zero: 2 } as const;

/** Linux error numbers as NBD sends them. */
export const errorName: Readonly<Record<number, string>> = {
  1: 'EPERM',
  5: 'EIO',
  12: 'ENOMEM',
  22: 'EINVAL',
  28: 'ENOSPC',
  75: 'EOVERFLOW',
  95: 'ENOTSUP',
  108: 'ESHUTDOWN',
};
export const noSpace = 28;

/** Largest payload of one request: what every server takes, and what QEMU allows. Bytes. */
export const maxRequestBytes = 32 * 1024 * 1024;

/** Longest option reply, error text or status list that is believed. Bytes. */
export const maxControlBytes = 1024 * 1024;
