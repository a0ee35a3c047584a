import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import type { PoolView } from '../../shared/contract/engine/pools.ts';
import { openConsole } from './harness.tsx';

const hostKey = `SHA256:${'A'.repeat(43)}`;
const sftp: Partial<PoolView> = {
  kind: 'sftp',
  address: { kind: 'sftp', url: 'sftp://backup@store//srv/one', hostKey },
  path: 'sftp://backup@store//srv/one',
};

/** The form of the first pool. */
async function openForm(change: Partial<PoolView> = {}) {
  const opened = openConsole({
    path: '/administration/pools?pool=1',
    prepare: ({ data }) => Object.assign(data.pools[0] ?? {}, change),
  });
  const { user, engine } = opened;
  const name = engine.data.pools[0]?.name ?? '';
  await user.click(within(await screen.findByRole('complementary', { name })).getByRole('button', { name: 'Edit' }));
  const form = await screen.findByLabelText(/^Name/u);
  const apply = () => user.click(screen.getByRole('button', { name: 'Apply' }));
  const retype = async (label: RegExp, text: string) => {
    const field = screen.getByLabelText(label);
    await user.clear(field);
    await user.type(field, text);
  };
  return { ...opened, name, form, apply, retype, pool: () => engine.data.pools[0] };
}

describe('the form of a pool', () => {
  it('changes its name without asking, and sends neither place nor secret', async () => {
    const { apply, retype, pool, engine } = await openForm();
    await retype(/^Name/u, 'vault');
    await apply();
    await waitFor(() => expect(pool()?.name).toBe('vault'));
    expect(engine.data.credentials).toEqual([]);
  });

  it('says before a move what is checked and by whom', async () => {
    const { user, apply, retype, pool, engine } = await openForm();
    await retype(/^Path/u, '/srv/moved');
    await apply();
    const question = await screen.findByRole('dialog', { name: 'Move pool main?' });
    expect(question).toHaveTextContent('From/srv/backups/main');
    expect(question).toHaveTextContent('To/srv/moved');
    expect(question).toHaveTextContent('Checked bybk-kvm-01');
    expect(engine.calls).not.toContain('pools.edit');
    await user.click(within(question).getByRole('button', { name: 'Check and save' }));
    await waitFor(() => expect(pool()?.path).toBe('/srv/moved'));
  });

  it('shows another repository at the field of the place', async () => {
    const { user, apply, retype, pool } = await openForm();
    await retype(/^Path/u, '/srv/elsewhere');
    await apply();
    await user.click(await screen.findByRole('button', { name: 'Check and save' }));
    expect(await screen.findByText(/holds repository 22222222/u)).toBeVisible();
    expect(screen.getByLabelText(/^Path/u)).toHaveAttribute('aria-invalid', 'true');
    expect(screen.queryByRole('dialog')).toBeNull();
    expect(pool()?.path).toBe('/srv/backups/main');
  });

  it('keeps a key that is not given anew', async () => {
    const { user, apply, retype, pool, engine } = await openForm(sftp);
    expect(screen.getByLabelText(/^Host key/u)).toHaveValue(hostKey);
    expect(screen.getByLabelText(/^Private key/u)).toHaveValue('');
    await retype(/^Address/u, 'sftp://backup@store//srv/two');
    await apply();
    await user.click(await screen.findByRole('button', { name: 'Check and save' }));
    await waitFor(() => expect(pool()?.path).toBe('sftp://backup@store//srv/two'));
    expect(engine.data.credentials).toEqual([null]);
  });

  it('takes a new key, and a wrong host key back to its field', async () => {
    const { user, apply, retype, engine } = await openForm(sftp);
    await retype(/^Host key/u, 'SHA256:short');
    await apply();
    expect(await screen.findByText('This value does not have the right form.')).toBeVisible();
    await retype(/^Host key/u, hostKey);
    await user.type(screen.getByLabelText(/^Private key/u), 'KEY');
    await apply();
    const question = await screen.findByRole('dialog', { name: 'Change what opens main?' });
    expect(question).toHaveTextContent('ChangesPrivate key');
    await user.click(within(question).getByRole('button', { name: 'Check and save' }));
    await waitFor(() => expect(engine.data.credentials).toEqual(['KEY\n']));
  });
});
