import { describe, expect, it } from 'vitest';
import { idOf } from '../../../agent/repository/blob-id.ts';
import { ContentList } from '../../../agent/repository/content-list.ts';
import { encodeTree } from '../../../agent/repository/tree-file.ts';
import { parseTree, readContent } from '../../../agent/repository/tree-reader.ts';

const damaged = expect.objectContaining({ code: 'repositoryDamaged' }) as Error;
const encode = (...nodes: Parameters<typeof encodeTree>[0]) => Buffer.concat([...encodeTree(nodes)]).toString();
const id = (n: number) => Buffer.alloc(32, n);

function listOf(count: number): ContentList {
  const list = new ContentList();
  for (let i = 0; i < count; i++) list.add(idOf(Buffer.from(String(i))), 1000);
  return list;
}

describe('tree blobs, written', () => {
  it('equal what Go writes, byte for byte', () => {
    const two = new ContentList();
    two.add(id(0x0a), 700);
    two.add(id(0xbc), 24);
    const times = '"mtime":"1970-01-01T00:00:00Z","atime":"1970-01-01T00:00:00Z","ctime":"1970-01-01T00:00:00Z"';
    expect(
      encode(
        { name: 'vm.json', content: two },
        { name: 'empty', content: new ContentList() },
        { name: 'disks', subtree: id(1) },
      ),
    ).toBe(
      `{"nodes":[{"name":"disks","type":"dir","mode":2147484096,${times},"uid":0,"gid":0,"content":null,"subtree":"${'01'.repeat(32)}"},` +
        `{"name":"empty","type":"file","mode":384,${times},"uid":0,"gid":0,"content":[]},` +
        `{"name":"vm.json","type":"file","mode":384,${times},"uid":0,"gid":0,"size":724,"content":["${'0a'.repeat(32)}","${'bc'.repeat(32)}"]}]}\n`,
    );
    expect(encode()).toBe('{"nodes":[]}\n');
  });

  it('sort names bytewise', () => {
    const names = ['a', 'B', '_', 'a.b', 'a-b', '0'];
    const nodes = names.map((name) => ({ name, subtree: id(1) }));
    const tree = JSON.parse(encode(...nodes)) as { nodes: { name: string }[] };
    expect(tree.nodes.map((node) => node.name)).toEqual(['0', 'B', '_', 'a', 'a-b', 'a.b']);
  });

  it.each(['', '.', '..', 'a/b', 'ä', 'a b', 'a"b', 'x'.repeat(256), 'a\n'])('refuse the name %j', (name) => {
    expect(() => encode({ name, subtree: id(1) })).toThrow(expect.objectContaining({ code: 'invalidValue' }) as Error);
  });

  it('carry a long list over its pieces', () => {
    const list = listOf(40_000);
    const pieces = [...encodeTree([{ name: 'disk.raw', content: list }])];
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(1.2 * 1024 * 1024);
    const [node] = parseTree(Buffer.concat(pieces), 'tree');
    const back = readContent(node?.content as Buffer, 'list', () => 1000);
    expect(back.count).toBe(40_000);
    expect(back.digest()).toBe(list.digest());
    expect(node).toMatchObject({ name: 'disk.raw', type: 'file', sizeBytes: 40_000_000 });
  });
});

describe('tree blobs, read', () => {
  const parse = (text: string) => parseTree(Buffer.from(text), 'tree');

  it('take any order, white space, escapes and unknown fields', () => {
    const nodes = parse(
      ` { "other" : {"a":["}\\"", {}]} , "nodes" : [ { "content" : [ "x" ] , "extended_attributes":[{"name":"a","value":"Yg=="}],"name" : "a\\u0062\\"" , "size":5, "type":"file" } ] } \n`,
    );
    expect(nodes).toMatchObject([{ name: 'ab"', type: 'file', sizeBytes: 5, subtree: undefined }]);
    expect(nodes[0]?.content?.toString()).toBe('[ "x" ]');
    expect(parse('{"nodes":[]}')).toEqual([]);
    expect(parse('{}')).toEqual([]);
    expect(parse('{"nodes":[{"name":"d","type":"dir","content":null}]}')[0]?.content).toBeUndefined();
  });

  it.each([
    '',
    '{',
    '{"nodes":',
    '{"nodes":[{"name":"a"',
    '{"nodes":[{"name":"a","type":"file"}',
    '{"nodes":[{"name":"a","type":"file"}]}x',
    '{"nodes":[{"name":"a}]}',
    '{"nodes":[{"type":"file"}]}',
    '{"nodes":[{"name":"","type":"file"}]}',
    '{"nodes":[{"name":"a","type":"file","size":-1}]}',
    '{"nodes":[{"name":"a","type":"file","size":1e99}]}',
    '{"nodes":[{"name":"a","type":"dir","subtree":"../../etc"}]}',
    '{"nodes":[{"name":12,"type":"file"}]}',
    `{"nodes":[{"name":"${'a'.repeat(5000)}","type":"file"}]}`,
    `{"nodes":[{"name":"${'a'.repeat(70_000)}","type":"file"}]}`,
    '{"nodes":[{"name":tru,"type":"file"}]}',
    '{"nodes":[]]}',
    '{"a":}',
    '[]',
  ])('refuse %s', (text) => {
    expect(() => parse(text)).toThrow(damaged);
  });

  it('survive deep nesting', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    expect(parse(`{"x":${deep},"nodes":[]}`)).toEqual([]);
  });

  it.each(['["ab"]', `["${'g'.repeat(64)}"]`, '[1]', `["${'a'.repeat(64)}",]`, `["${'a'.repeat(64)}"`])(
    'refuse the content %s',
    (text) => {
      expect(() => readContent(Buffer.from(text), 'list', () => 1)).toThrow(damaged);
    },
  );
});
