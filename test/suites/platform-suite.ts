import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupSource, DeployRequest, Platform } from '../../agent/platforms/platform.ts';
import type { Roots } from '../../agent/platforms/roots.ts';
import { inventoryObjectSchema, vmConfigurationSchema } from '../../shared/model/vm.ts';
import { allExtents, readDisk } from '../agent/disks/images.ts';
import { TestScope } from '../agent/platforms/job-scope.ts';
import { openSource } from '../agent/platforms/open-source.ts';

/** One environment with one object that stands still, so that its content is known. */
export interface PlatformCase {
  platform: Platform;
  roots: Roots;
  /** Name of the object that is read and restored. */
  objectName: string;
  /** Content of each of its disks, by disk id. */
  content: ReadonlyMap<string, Buffer>;
  /** Content of a disk of a VM that was deployed, by its UUID. */
  deployed(vmId: string, diskId: string): Promise<Buffer>;
  /** Everything that a deployment could leave: paths, names. */
  traces(): Promise<string[]>;
  tearDown(): Promise<void>;
}

/** What every platform module must do, whatever is behind it. */
export function platformSuite(name: string, setUp: () => Promise<PlatformCase>): void {
  describe(`${name}: platform contract`, () => {
    let at: PlatformCase;
    const signal = new AbortController().signal;
    beforeAll(async () => {
      at = await setUp();
    });
    afterAll(async () => {
      await at.tearDown();
    });

    const uuidOf = async () => {
      const found = (await at.platform.listObjects(signal)).find((object) => object.name === at.objectName);
      if (found === undefined) throw new Error(`${at.objectName} is not listed`);
      return found.uuid;
    };
    const expectClean = async (scope: TestScope) => {
      expect(scope.open).toEqual([]);
      for (const root of [at.roots.run, at.roots.scratch]) expect(await namesIn(root)).toEqual([]);
    };
    const requestOf = (source: BackupSource, more: Partial<DeployRequest> = {}): DeployRequest => ({
      configuration: source.configuration,
      nativeFiles: new Map(source.nativeFiles.map((file) => [file.name, file.content])),
      name: undefined,
      storage: undefined,
      ...more,
    });

    it('passes its own test', async () => {
      const checks = await at.platform.test(signal);
      expect(checks.length).toBeGreaterThan(0);
      expect(checks.filter((check) => !check.ok)).toEqual([]);
    });

    it('lists the object with its disks', async () => {
      const listed = (await at.platform.listObjects(signal)).find((object) => object.name === at.objectName);
      expect(inventoryObjectSchema.parse(listed)).toEqual(listed);
      const sizes = listed?.disks.map((disk) => [disk.id, disk.sizeBytes]);
      expect(sizes).toEqual([...at.content].map(([id, bytes]) => [id, bytes.length]));
      expect(await uuidOf()).toBe(listed?.uuid);
    });

    it('reads every disk as it is and leaves nothing behind', async () => {
      const scope = new TestScope();
      const source = await openSource(at.platform, await uuidOf(), scope);
      expect(vmConfigurationSchema.parse(source.configuration)).toEqual(source.configuration);
      expect(source.configuration.disks.map((disk) => disk.id)).toEqual([...at.content.keys()]);
      expect(source.disks.map(({ disk }) => disk.id)).toEqual([...at.content.keys()]);
      for (const file of source.nativeFiles) expect(file.name).toMatch(/^[A-Za-z0-9._-]+$/u);
      expect(Math.abs(Date.now() - source.takenAt)).toBeLessThan(60_000);
      for (const { disk } of source.disks) {
        expect((await readDisk(disk)).equals(at.content.get(disk.id) ?? Buffer.alloc(0))).toBe(true);
      }
      expect(source.broken()).toBeUndefined();
      await source.release();
      await source.dropCheckpoint();
      expect(scope.warnings).toEqual([]);
      await expectClean(scope);
    });

    it('refuses an object that is not there', async () => {
      const scope = new TestScope();
      await expect(openSource(at.platform, randomUUID(), scope)).rejects.toMatchObject({ code: 'objectVanished' });
      await expectClean(scope);
    });

    it('leaves nothing behind when cancelled while reading', async () => {
      const scope = new TestScope();
      const source = await openSource(at.platform, await uuidOf(), scope);
      const disk = source.disks[0]?.disk;
      if (disk === undefined) throw new Error('no disk');
      await allExtents(disk);
      scope.cancel();
      await expect(allExtents(disk, scope.signal)).rejects.toMatchObject({ code: 'cancelled' });
      await source.release();
      await source.dropCheckpoint();
      await expectClean(scope);
    });

    it('does not begin when cancelled before', async () => {
      const scope = new TestScope();
      const uuid = await uuidOf();
      scope.cancel();
      await expect(
        openSource(at.platform, uuid, scope).then((source) => source.disks[0]?.disk.read(0, 512)),
      ).rejects.toMatchObject({ code: 'cancelled' });
    });

    it('deploys a second one beside the first', async () => {
      const scope = new TestScope();
      const source = await openSource(at.platform, await uuidOf(), new TestScope());
      const deployment = await at.platform.prepareDeploy(requestOf(source), scope);
      expect(deployment.vmName).toBe(`${at.objectName}-2`);
      for (const { disk } of source.disks) {
        const target = await deployment.openDisk(disk.id);
        expect(target.sizeBytes).toBe(disk.sizeBytes);
        for (const { offset, length, zero } of await allExtents(disk)) {
          if (!zero) await target.write(offset, await disk.read(offset, length));
        }
        await target.close();
      }
      await source.release();
      await source.dropCheckpoint();
      const made = await deployment.finish({ start: false });
      expect(made.vmName).toBe(`${at.objectName}-2`);
      await expectClean(scope);
      const listed = (await at.platform.listObjects(signal)).find((object) => object.uuid === made.vmId);
      expect(listed?.disks.map((disk) => disk.sizeBytes)).toEqual(
        [...at.content.values()].map((bytes) => bytes.length),
      );
      for (const [id, bytes] of at.content) expect((await at.deployed(made.vmId, id)).equals(bytes)).toBe(true);
    });

    it('takes back a deployment that was begun', async () => {
      const before = await at.traces();
      const scope = new TestScope();
      const source = await openSource(at.platform, await uuidOf(), new TestScope());
      const deployment = await at.platform.prepareDeploy(requestOf(source, { name: 'half-done' }), scope);
      const [first] = source.disks;
      if (first === undefined) throw new Error('no disk');
      const target = await deployment.openDisk(first.disk.id);
      await target.write(0, Buffer.alloc(4096, 1));
      await deployment.rollback();
      await source.release();
      await source.dropCheckpoint();
      expect(await at.traces()).toEqual(before);
      await expectClean(scope);
    });

    it('names every problem of an impossible deployment at once', async () => {
      const before = await at.traces();
      const scope = new TestScope();
      const source = await openSource(at.platform, await uuidOf(), new TestScope());
      const request = requestOf(source, { name: 'a/b', storage: '/nowhere/at all', dataBytes: 2 ** 60 });
      const failure = await at.platform.prepareDeploy(request, scope).catch((error: unknown) => error);
      await source.release();
      await source.dropCheckpoint();
      expect(failure).toMatchObject({ code: 'deployImpossible' });
      expect(String(failure)).toContain('a/b');
      expect(String(failure)).toContain('/nowhere/at all');
      expect(await at.traces()).toEqual(before);
      await expectClean(scope);
    });
  });
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
