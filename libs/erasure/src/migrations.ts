import { fileURLToPath } from 'node:url'

/** What is left to be erased, for the list of migration folders of a service that has a part in erasures. */
export const erasureMigrations: string = fileURLToPath(new URL('./migrations', import.meta.url))
