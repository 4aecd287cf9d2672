# No datastore, so no secret that names one.

locals {
  secret_names = []
}
