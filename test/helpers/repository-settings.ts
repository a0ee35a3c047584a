import type { KdfParameters } from '../../agent/repository/key-file.ts';

export const resticPassword = 'correct horse battery staple';
/** Cheap keys: what they protect is gone after the test. */
export const testKdf: KdfParameters = { N: 1024, r: 8, p: 1 };
