import { describe, expect, it } from 'vitest';
import {
  emptyHash,
  encodePath,
  encodeQuery,
  type S3Signable,
  signRequest,
} from '../../../../agent/repository/storage/s3-signature.ts';

/** The examples of the AWS document "Authenticating Requests: Using the Authorization Header", 2013-05-24. */
const credentials = {
  accessKey: 'AKIAIOSFODNN7EXAMPLE',
  secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  region: 'us-east-1',
};
const now = Date.UTC(2013, 4, 24);
const host = 'examplebucket.s3.amazonaws.com';
const examples: [string, S3Signable, string][] = [
  [
    'a part of an object',
    { method: 'GET', path: '/test.txt', headers: { host, range: 'bytes=0-9' }, payloadHash: emptyHash },
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  ],
  [
    'an upload',
    {
      method: 'PUT',
      path: encodePath('/test$file.text'),
      headers: { host, date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
      payloadHash: '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
    },
    '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  ],
  [
    'a sub-resource',
    { method: 'GET', path: '/', query: { lifecycle: '' }, headers: { host }, payloadHash: emptyHash },
    'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  ],
  [
    'a listing',
    { method: 'GET', path: '/', query: { prefix: 'J', 'max-keys': '2' }, headers: { host }, payloadHash: emptyHash },
    '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  ],
];

describe('signatures', () => {
  it.each(examples)('of %s are those of the document', (_, request, signature) => {
    const { authorization = '' } = signRequest(request, credentials, now);
    expect(authorization).toMatch(new RegExp(`Signature=${signature}$`, 'u'));
    expect(authorization).not.toContain(credentials.secretKey);
  });

  it('encode everything but unreserved characters', () => {
    expect(encodePath("/a b/ü!'()*+~_-.")).toBe('/a%20b/%C3%BC%21%27%28%29%2A%2B~_-.');
    expect(encodeQuery({ b: '1 2', a: '/', 'a-b': '' })).toBe('a=%2F&a-b=&b=1%202');
  });
});
