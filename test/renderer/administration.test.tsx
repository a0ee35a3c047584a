import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { findRow, openConsole } from './harness.tsx';

describe('Administration', () => {
  it('authorizes a client after its fingerprint was shown', async () => {
    const { user, engine } = openConsole({ path: '/administration/clients' });
    await user.click(await screen.findByRole('link', { name: /^Unauthorized clients/u }));
    await user.click(await screen.findByText('bk-kvm-05'));
    const panel = await screen.findByRole('complementary', { name: 'Authorize bk-kvm-05' });
    expect(
      within(panel)
        .getByRole('img')
        .getAttribute('aria-label')
        ?.match(/\b[0-9A-F]{2}\b/gu),
    ).toHaveLength(32);
    expect(within(panel).getByText('holdfast-agent init --show')).toBeVisible();
    await user.click(within(panel).getByRole('button', { name: 'Authorize' }));
    await waitFor(() =>
      expect(engine.data.clients.find(({ name }) => name === 'bk-kvm-05')).toMatchObject({ authorized: true }),
    );
  });

  it('names what removing a client means before it does', async () => {
    const { user, engine } = openConsole({ path: '/administration/clients' });
    await user.pointer({ keys: '[MouseRight]', target: await findRow(/bk-kvm-01/u) });
    await user.click(await screen.findByRole('menuitem', { name: /Remove…/u }));
    const dialog = await screen.findByRole('dialog', { name: 'Remove client bk-kvm-01?' });
    expect(dialog).toHaveTextContent('2: dc1-kvm, images');
    await user.click(within(dialog).getByRole('button', { name: 'Keep it' }));
    expect(engine.data.clients[0]?.state).toBe('online');
  });

  it('gives the exact command that adds a client', async () => {
    const { user } = openConsole({ path: '/administration/clients' });
    await user.click(await screen.findByRole('button', { name: 'How to add a client' }));
    const dialog = await screen.findByRole('dialog', { name: 'How to add a client' });
    expect(dialog).toHaveTextContent(
      'holdfast-agent init --manager wss://backup-mgr.dc1.example:9443 --fingerprint SHA256:',
    );
  });

  it('adds a pool when both passwords agree and shows what the engine refuses', async () => {
    const { user, engine } = openConsole({ path: '/administration/pools?form=pool' });
    const form = await screen.findByRole('complementary', { name: 'Add pool' });
    await user.type(within(form).getByLabelText('Name'), 'main');
    await user.click(within(form).getByRole('combobox', { name: 'Clients' }));
    await user.click(await screen.findByRole('option', { name: 'bk-kvm-01' }));
    await user.type(within(form).getByLabelText('Path'), '/srv/new');
    await user.type(within(form).getByLabelText('Password'), 'secret one');
    await user.type(within(form).getByLabelText('Repeat'), 'secret two');
    await user.click(within(form).getByRole('button', { name: 'Add pool' }));
    expect(await within(form).findByText('The two passwords differ.')).toBeVisible();
    await user.clear(within(form).getByLabelText('Repeat'));
    await user.type(within(form).getByLabelText('Repeat'), 'secret one');
    await user.click(within(form).getByRole('button', { name: 'Add pool' }));
    expect(await within(form).findByText(/^a pool named main is there already/u)).toBeVisible();
    expect(within(form).getByLabelText('Name')).toHaveAttribute('aria-invalid', 'true');
    await user.type(within(form).getByLabelText('Name'), '-2');
    expect(within(form).getByText(/^All clients of the pool share it/u)).toBeVisible();
    await user.click(within(form).getByLabelText('One repository'));
    await user.click(await screen.findByRole('option', { name: 'for each client' }));
    expect(within(form).getByText(/^A client opens no other's backups/u)).toBeVisible();
    expect(within(form).getByText(/^Each repository gets a password of its own/u)).toBeVisible();
    await user.click(within(form).getByRole('button', { name: 'Add pool' }));
    await waitFor(() =>
      expect(engine.data.pools.find(({ name }) => name === 'main-2')).toMatchObject({ repositoryPer: 'client' }),
    );
  });

  it('tests a platform and lists the checks', async () => {
    const { user } = openConsole({ path: '/administration/platforms?platform=1' });
    await user.click(await screen.findByRole('button', { name: 'Test' }));
    expect(await screen.findByText('libvirt 9.0.0, QEMU 7.2')).toBeVisible();
  });

  it('offers a viewer nothing that he may not do', async () => {
    openConsole({ path: '/administration/pools', prepare: (engine) => (engine.role = 'viewer') });
    const add = await screen.findByRole('button', { name: 'Add pool' });
    await waitFor(() => expect(add).toHaveAttribute('aria-disabled', 'true'));
    expect(add).toHaveAttribute('title', 'Your role lacks the right: administer.');
  });
});
