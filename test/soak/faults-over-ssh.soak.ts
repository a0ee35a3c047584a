import { describe } from 'vitest';
import { lacking } from '../helpers/needs.ts';
import { missingSshd } from '../helpers/sshd.ts';
import { faultSuite } from '../suites/fault-suite.ts';

describe.skipIf(lacking(missingSshd))('an agent behind an SSH server', () => faultSuite('ssh'));
