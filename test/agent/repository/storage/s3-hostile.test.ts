import { describe, expect, it } from 'vitest';
import { parseErrorFields, parsePage } from '../../../../agent/repository/storage/s3-answers.ts';
import { scanXml } from '../../../../agent/repository/storage/s3-xml.ts';
import { AppError } from '../../../../shared/errors.ts';
import { fuzz } from '../../../fuzz/fuzz.ts';
import { mutateText, pick, seeded } from '../../../fuzz/mutate.ts';
import { startS3 } from '../../../helpers/s3-peer/s3-storages.ts';

const name = 'ab'.repeat(32);
const key = `data/ab/${name}`;
const page = `<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>data%2F</Prefix><MaxKeys>2</MaxKeys>
<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>1/&amp;=+</NextContinuationToken>
<Contents><Key>${key}</Key><ETag>&quot;x&quot;</ETag><Size>17</Size><Owner><ID>o</ID><DisplayName>Key</DisplayName></Owner></Contents>
<Contents><Key>a+b%2Bc%20d</Key><Size>0</Size></Contents><CommonPrefixes><Prefix>x</Prefix></CommonPrefixes></ListBucketResult>`;
const problem = `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>no &lt;right&gt;</Message><Resource/></Error>`;
const tokens = [
  ...['<Contents>', '</Contents>', '<Key>', '</Key>', '<Size>1</Size>', '<a/>', '<a b="c">', '<', '>', '&', ';'],
  ...['<!--', '-->', '<![CDATA[', ']]>', '<!DOCTYPE x [<!ENTITY a "b">]>', '<?pi?>', '&lt;', '&#x110000;', '&#xD800;'],
  ...['&a;', '<__proto__>', '<constructor/>', '%', '%zz', '%c3', '+', '-1', '1e9', '99999999999999999'],
];

describe("a server's XML", () => {
  it('is read as far as it matters', () => {
    const objects = [
      { key, sizeBytes: 17 },
      { key: 'a b+c d', sizeBytes: 0 },
    ];
    expect(parsePage(page)).toEqual({ objects, next: '1/&=+' });
    expect(parseErrorFields(problem).get('Message')).toBe('no <right>');
    expect(parseErrorFields('<html><p>Bad gateway').size).toBe(0);
  });

  it.each([
    ['', 'nothing'],
    ['<a></a><b></b>', 'two roots'],
    ['<a>', 'no end'],
    ['<a></b>', 'another end'],
    ['x<a/>', 'text before it'],
    ['<a/>x', 'text behind it'],
    ['<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', 'a document type'],
    ['<a>&x;</a>', 'an unknown entity'],
    ['<a>&#xD800;</a>', 'half a character'],
    ['<a><![CDATA[x]]></a>', 'a section'],
    ['<a>'.repeat(20), 'depth'],
    [`<a ${'x'.repeat(5000)}/>`, 'a long tag'],
    [`<a>${'x'.repeat(70_000)}</a>`, 'a long text'],
  ])('%j is refused: %s', (document) => {
    expect(() => [...scanXml(document)]).toThrow(expect.objectContaining({ code: 'storageFailed' }));
  });

  it.each([
    ['another root', page.replaceAll('ListBucketResult', 'Other')],
    ['no word about the end', page.replace('<IsTruncated>true</IsTruncated>', '')],
    ['no next page', page.replace(/<Next.*Token>/u, '')],
    ['no size', page.replace('<Size>17</Size>', '')],
    ['a negative size', page.replace('17', '-17')],
    ['a size beyond all measure', page.replace('17', '9007199254740993')],
    [
      'too many objects',
      page.replace(
        '<CommonPrefixes>',
        `${'<Contents><Key>k</Key><Size>1</Size></Contents>'.repeat(1000)}<CommonPrefixes>`,
      ),
    ],
  ])('a listing with %s is refused', (_, document) => {
    expect(() => parsePage(document)).toThrow(expect.objectContaining({ code: 'storageFailed' }));
  });

  it.each(['<a>', '<', '&', '&#1', '<a b="c">', '<a/>', ' ', '</a>'])(
    'of nothing but %j is dealt with at once',
    (piece) => {
      const before = process.cpuUsage();
      for (const head of ['', '<Error>', '<ListBucketResult>', '<a><b '])
        expect(() => parsePage(head + piece.repeat(Math.floor(4_000_000 / piece.length)))).toThrow(AppError);
      expect(process.cpuUsage(before).user / 1000).toBeLessThan(1500);
    },
  );

  it('as a mutated listing', async () => {
    await fuzz({ make: (random) => mutateText([page], tokens, random), parse: (text) => void parsePage(text) });
  });

  it('as a mutated error', async () => {
    await fuzz({
      make: (random) => mutateText([problem], tokens, random),
      parse: (text) => {
        if (parseErrorFields(text).get('Code') === undefined) throw new AppError('storageFailed', 'no code');
      },
    });
  });
});

describe("a server's answer", () => {
  const ok = (headers: string, body = '') => `HTTP/1.1 200 OK\r\n${headers}\r\n\r\n${body}`;
  const part = (range: string, body: string) =>
    `HTTP/1.1 206 Partial\r\nContent-Length: ${body.length}\r\nContent-Range: ${range}\r\n\r\n${body}`;
  const refused = { code: 'storageFailed' };

  async function answering(text: string) {
    const { peer, storage } = await startS3({ stallMs: 1000 });
    peer.fault = () => ({ kind: 'raw', text });
    return storage;
  }

  it.each([
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['nothing', ''],
    ['a length without end', ok('Content-Length: 99999999999999999999999')],
    ['a length that is none', ok('Content-Length: -1', 'x')],
    ['more than a file may have', ok(`Content-Length: ${2 ** 40}`, 'x')],
    ['less than announced', ok('Content-Length: 10', 'x')],
    ['no length', ok('X: y', 'x')],
    ['chunks', ok('Transfer-Encoding: chunked', '1\r\nx\r\n0\r\n\r\n')],
    ['headers without end', ok(`X: ${'y'.repeat(100_000)}`)],
    ['an upgrade', 'HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'],
    ['nothing but beginnings', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(10)],
    ['two lengths', ok('Content-Length: 1\r\nContent-Length: 2', 'xx')],
  ])('of %s is no file', async (_, text) => {
    await expect((await answering(text)).read('data', name)).rejects.toMatchObject(refused);
  });

  it.each([
    ['the whole file', ok('Content-Length: 20', 'x'.repeat(20))],
    ['the whole file where it is as long as the part', ok('Content-Length: 5', 'xxxxx')],
    ['another part', part('bytes 4-8/20', 'xxxxx')],
    ['a longer part', part('bytes 3-8/20', 'xxxxxx')],
    ['a part that is not as long as it says', part('bytes 3-7/20', 'xxxx')],
    ['no word about the part', part('', 'xxxxx')],
    ['nonsense', part('bytes */*', 'xxxxx')],
  ])('of %s is no part of a file', async (_, text) => {
    await expect((await answering(text)).read('data', name, { offset: 3, length: 5 })).rejects.toMatchObject(refused);
  });

  it('of a shorter part means that the file is damaged', async () => {
    const storage = await answering(part('bytes 3-6/7', 'xxxx'));
    const damaged = { code: 'repositoryDamaged' };
    await expect(storage.read('data', name, { offset: 3, length: 5 })).rejects.toMatchObject(damaged);
  });

  it('that says success before it has the file is none', async () => {
    const storage = await answering(ok('Content-Length: 0'));
    const write = storage.write('data', name, [Buffer.alloc(16 * 1024 * 1024)]);
    await expect(write).rejects.toMatchObject(refused);
  });

  it('of a listing that goes round in circles comes to an end', async () => {
    const storage = await answering(ok(`Content-Length: ${page.length}`, page));
    const names: string[] = [];
    const listing = (async () => {
      for await (const file of storage.list('data')) names.push(file.name);
    })();
    await expect(listing).rejects.toMatchObject(refused);
    expect(names.length).toBeLessThan(3);
  });

  it('of any mutated kind is refused in time', async () => {
    const { peer, storage } = await startS3({ stallMs: 500 });
    const corpus = [
      ok(`Content-Length: ${page.length}\r\nContent-Type: application/xml`, page),
      ok('Content-Length: 5\r\nETag: "x"', 'abcde'),
      part('bytes 3-7/20', 'xxxxx'),
      `HTTP/1.1 403 Forbidden\r\nContent-Length: ${problem.length}\r\nDate: x\r\n\r\n${problem}`,
    ];
    const words = [
      ...tokens,
      '\r\n',
      '\r\n\r\n',
      'Content-Length: 1\r\n',
      'Transfer-Encoding: chunked\r\n',
      'HTTP/1.1 ',
    ];
    const list = async () => {
      for await (const _file of storage.list('data'));
    };
    const calls = [
      list,
      () => storage.read('data', name),
      () => storage.read('data', name, { offset: 3, length: 5 }),
      () => storage.size('data', name),
      () => storage.write('lock', name, [Buffer.from('x')]),
      () => storage.remove('data', name),
    ];
    for (let seed = 1; seed <= 300; seed++) {
      const random = seeded(seed);
      const raw = mutateText(corpus, words, random);
      peer.fault = () => ({ kind: 'raw', text: raw });
      const error: unknown = await pick(calls, random)().catch((thrown: unknown) => thrown);
      if (error instanceof Error && !(error instanceof AppError && error.code !== 'internal'))
        throw new Error(`seed ${seed}: ${JSON.stringify(raw).slice(0, 2000)}`, { cause: error });
    }
  });
});
