import { screen, waitFor, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { findRow, openConsole } from './harness.tsx';

describe('Global schedule', () => {
  it('makes a rule for a VM, starting from the VM', async () => {
    const { user, engine } = openConsole({ path: '/schedule?rule=new&platform=1&objects=12' });
    const form = await screen.findByRole('complementary', { name: 'New rule' });
    await user.click(within(form).getByRole('button', { name: 'Apply' }));
    expect(await within(form).findByText('2 problems')).toBeVisible();
    await user.type(within(form).getByLabelText('Name'), 'Archive');
    await user.click(within(form).getByRole('combobox', { name: 'Pool' }));
    await user.click(await screen.findByRole('option', { name: /^main,/u }));
    await user.click(within(form).getByRole('button', { name: 'Apply' }));
    expect(await findRow(/Archive/u)).toBeVisible();
    expect(engine.data.rules.at(-1)?.members.map(({ name }) => name)).toEqual(['archive-nfs-01']);
  });

  it('opens the VMs of a rule and runs it', async () => {
    const { user, engine } = openConsole({ path: '/schedule' });
    const row = await findRow(/ERP production/u);
    row.focus();
    await user.keyboard('{Enter}');
    expect(await screen.findByRole('link', { name: 'erp-app-01' })).toBeVisible();
    await user.keyboard('r');
    await waitFor(() => expect(engine.calls).toContain('rules.run'));
  });
});

describe('Restore', () => {
  it('wants a word before it restores a point that is not verified, then goes to the task', async () => {
    const { user, engine } = openConsole({ path: '/repository' });
    const [first] = await screen.findAllByRole('button', { name: /^Actions for erp-app-01/u });
    await user.click(first as HTMLElement);
    await user.click(await screen.findByRole('menuitem', { name: /^Restore…/u }));
    await user.click(await screen.findByRole('radio', { name: /^Directory/u }));
    await user.type(screen.getByLabelText('Path'), '/restore/here');
    await user.click(screen.getByRole('button', { name: 'Restore' }));
    expect(await screen.findByText('1 problem')).toBeVisible();
    await user.click(screen.getByRole('checkbox', { name: 'Restore although not verified' }));
    await user.click(screen.getByRole('button', { name: 'Restore' }));
    await waitFor(() => expect(window.location.pathname).toMatch(/^\/tasks\/\d+$/u));
    expect(engine.data.tasks[0]).toMatchObject({ kind: 'restore', mode: 'directory' });
  });

  it('asks which format the disks in a directory shall have', async () => {
    const { user, engine } = openConsole({ path: '/restore/9201' });
    await user.click(await screen.findByRole('radio', { name: /^Directory/u }));
    const format = screen.getByRole('combobox', { name: 'Format' });
    expect(format).toHaveValue('raw');
    await user.click(format);
    await user.click(await screen.findByRole('option', { name: 'qcow2' }));
    expect(screen.getByText(/needs qemu-utils/u)).toBeVisible();
    await user.type(screen.getByLabelText('Path'), '/restore/here');
    await user.click(screen.getByRole('checkbox', { name: 'Restore although not verified' }));
    await user.click(screen.getByRole('button', { name: 'Restore' }));
    await waitFor(() =>
      expect(engine.data.lastRestore).toEqual({ kind: 'directory', path: '/restore/here', format: 'qcow2' }),
    );
  });

  it('says why a client is not offered', async () => {
    openConsole({ path: '/restore/9201' });
    const preflight = (await screen.findByText('Pre-flight')).closest('section') as HTMLElement;
    expect(preflight).toHaveTextContent('bk-kvm-03offline');
    expect(preflight).toHaveTextContent('localdoes not reach the pool');
  });

  it('finds the newest point of a VM', async () => {
    openConsole({ path: '/restore/newest?object=1' });
    expect(await screen.findByRole('complementary', { name: 'Restore erp-app-01' })).toHaveTextContent('9201');
  });
});
