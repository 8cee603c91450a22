/** Where this service's events say that they come from. */
export const SOURCE = '/services/groups'
