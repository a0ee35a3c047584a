import { describe, expect, test } from 'vitest';
import { placeOfClient, repositoryPassword } from '../../engine/api/repository-password.ts';
import { Secret } from '../../shared/schema.ts';

test('the password of a place is the one that openssl computes (docs/pools.md)', () => {
  const password = repositoryPassword(new Secret('pool password'), 'node1-1a2b3c4d').reveal();
  expect(password).toBe('24Gg9zC4Dl5VBDfRGluc1kLlxWxS5UdKP1Jq9I1Ji3g');
  expect(repositoryPassword(new Secret('pool password'), 'node2-1a2b3c4d').reveal()).not.toBe(password);
  expect(repositoryPassword(new Secret('Pool password'), 'node1-1a2b3c4d').reveal()).not.toBe(password);
});

describe('the place of a client', () => {
  const hwid = '1a2b-3c4d-5e6f-7081';
  test.each([
    ['node1', 'node1-1a2b3c4d'],
    ['hv 01/a', 'hv-01-a-1a2b3c4d'],
    ['../..', 'client-1a2b3c4d'],
    ['.hidden-', 'hidden-1a2b3c4d'],
    ['Узел', 'client-1a2b3c4d'],
    ['x'.repeat(200), `${'x'.repeat(40)}-1a2b3c4d`],
  ])('of %j', (name, place) => expect(placeOfClient({ name, hwid })).toBe(place));
});
