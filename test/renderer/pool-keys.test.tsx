import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { type FakeData } from '../fakes/fake-engine-data.ts';
import { splitFirstPool } from '../fakes/fake-pools.ts';
import { openConsole } from './harness.tsx';

describe('a pool', () => {
  async function openPool(change: (data: FakeData) => void = () => undefined) {
    const opened = openConsole({ path: '/administration/pools', prepare: ({ data }) => change(data) });
    const name = opened.engine.data.pools[0]?.name ?? '';
    await opened.user.click(await screen.findByText(name, { selector: '.b5' }));
    const panel = await screen.findByRole('complementary', { name });
    return { ...opened, name, panel };
  }

  it('lists its passwords, takes one more, and removes one only when asked twice', async () => {
    const { user, engine, panel, name } = await openPool();
    await user.click(within(panel).getByRole('button', { name: 'Passwords' }));
    const dialog = await screen.findByRole('dialog', { name: `Passwords of ${name}` });
    expect(await within(dialog).findByText('root@hv-01')).toBeVisible();
    expect(within(dialog).getByText('in use')).toBeVisible();

    await user.type(within(dialog).getByLabelText(/^Password/u), 'one');
    await user.type(within(dialog).getByLabelText(/^Repeat/u), 'two');
    await user.click(within(dialog).getByRole('button', { name: 'Add password' }));
    expect(await within(dialog).findByText('The two passwords differ.')).toBeVisible();
    expect(engine.calls).not.toContain('repositories.addKey');
    await user.clear(within(dialog).getByLabelText(/^Repeat/u));
    await user.type(within(dialog).getByLabelText(/^Repeat/u), 'one');
    await user.click(within(dialog).getByRole('button', { name: 'Add password' }));
    expect(await within(dialog).findByText('The password was added.')).toBeVisible();

    await user.click(within(dialog).getByRole('button', { name: 'Remove password 7c7c7c7c' }));
    const question = await screen.findByRole('dialog', { name: 'Remove password 7c7c7c7c?' });
    expect(engine.data.keys).toHaveLength(2);
    await user.click(within(question).getByRole('button', { name: 'Remove password' }));
    await waitFor(() => expect(engine.data.keys).toHaveLength(1));
  });

  it('changes its name and the client that maintains it', async () => {
    const { user, engine, panel } = await openPool();
    await user.click(within(panel).getByRole('button', { name: 'Edit' }));
    const field = await screen.findByLabelText(/^Name/u);
    await user.clear(field);
    await user.click(screen.getByRole('button', { name: 'Apply' }));
    expect(await screen.findByText('Fill this in.')).toBeVisible();
    await user.type(field, 'vault');
    await user.click(screen.getByRole('button', { name: 'Apply' }));
    await waitFor(() => expect(engine.data.pools[0]?.name).toBe('vault'));
  });

  it('says what taking over points came to', async () => {
    const { user, panel, name } = await openPool();
    await user.click(within(panel).getByRole('button', { name: `Actions for ${name}` }));
    await user.click(await screen.findByRole('menuitem', { name: 'Take over points' }));
    expect(await screen.findByText(/0 points were taken over/u)).toBeVisible();
  });

  it('names the repositories whose points could not be asked for', async () => {
    const { user, engine, panel, name } = await openPool();
    const error = { code: 'clientOffline' as const, message: 'client "node2" is offline' };
    engine.data.unanswered = [{ client: 'node2', group: null, place: '/srv/node2', error }];
    await user.click(within(panel).getByRole('button', { name: `Actions for ${name}` }));
    await user.click(await screen.findByRole('menuitem', { name: 'Take over points' }));
    expect(await screen.findByText(/Not asked, because they do not answer: node2\./u)).toBeVisible();
  });

  it('with a repository for each client lists them, and asks whose passwords are meant', async () => {
    const { user, engine, name, panel } = await openPool(splitFirstPool);
    const [pool] = engine.data.pools;
    const [first, second] = pool?.repositories ?? [];
    expect(within(panel).getByText('for each client')).toBeVisible();
    expect(within(panel).getByText('Maintenance on: each client for itself')).toBeVisible();
    for (const { place } of pool?.repositories ?? [])
      expect(within(panel).getByText(place.split('/').at(-1) ?? '')).toBeVisible();

    await user.click(within(panel).getByRole('button', { name: 'Passwords' }));
    const dialog = await screen.findByRole('dialog', { name: `Passwords of ${name}` });
    const whose = within(dialog).getByLabelText('Whose repository');
    expect(whose).toHaveValue(first?.client);
    await user.click(whose);
    await user.click(await screen.findByRole('option', { name: second?.client ?? '' }));
    expect(within(dialog).getByText(second?.place ?? '')).toBeVisible();
    await user.type(within(dialog).getByLabelText(/^Password/u), 'one');
    await user.type(within(dialog).getByLabelText(/^Repeat/u), 'one');
    await user.click(within(dialog).getByRole('button', { name: 'Add password' }));
    await waitFor(() => expect(engine.data.keyClients).toEqual([String(second?.clientId)]));
  });
});
