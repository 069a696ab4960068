package securityhub

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/arn"
	"bartizan.dev/store"
)

// product is an integration that Security Hub knows.
type product struct {
	ID                         string // company/name, as in its ARN
	Company, Name, Description string
	Categories                 []string
}

type catalogue []product

// products are the integrations: those services of AWS that Bartizan has, and
// scanners that send findings by BatchImportFindings.
// https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-providers.html
var products = catalogue{
	{"aws/access-analyzer", "AWS", "IAM Access Analyzer", "Identifies resources that can be reached from outside a zone of trust.", []string{"Identity and Access Management"}},
	{"aws/guardduty", "Amazon", "GuardDuty", "Continuous threat detection in CloudTrail events, flow logs and DNS queries.", []string{"Intrusion Detection Systems (IDS)"}},
	{"aws/securityhub", "AWS", "Security Hub", "Checks of the controls of enabled standards.", []string{"Compliance"}},
	{"aquasecurity/aquasecurity", "Aqua Security", "Aqua Security Cloud Native Security Platform", "Images, configuration and workloads.", []string{"Container Security"}},
	{"aqua-security/kube-bench", "Aqua Security", "Kube-bench", "Checks of Kubernetes by the CIS Kubernetes Benchmark.", []string{"Compliance"}},
	{"cloud-custodian/cloud-custodian", "Cloud Custodian", "Cloud Custodian", "Rules that keep accounts in order.", []string{"Cloud Security Posture Management"}},
	{"prowler/prowler", "Prowler", "Prowler", "Checks of accounts by best practices and standards.", []string{"Compliance"}},
}

// of finds a product by its ARN, whatever the Region; nil: an unknown one.
func (c catalogue) of(productARN string) *product {
	id := productName(productARN)
	i := slices.IndexFunc(c, func(d product) bool { return d.ID == id })
	if i < 0 {
		return nil
	}
	return &c[i]
}

func (d *product) arn(region string) string {
	return arn.New("securityhub", region, "", "product/"+d.ID)
}

// subscription is an enabled integration.
type subscription struct{ Since time.Time }

// subscribed tells whether an account takes findings of a product: always its
// own, by the default product.
func (s *Service) subscribed(ctx context.Context, r store.Reader, p place, productARN string) (bool, error) {
	if productARN == p.arn("product/"+p.account+"/default") {
		return true, nil
	}
	d := products.of(productARN)
	if d == nil || d.arn(p.region) != productARN {
		return false, nil
	}
	_, err := s.products.Get(ctx, r, p.home()+"/"+d.ID)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// DescribeProducts lists integrations.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DescribeProducts.html
func (s *Service) DescribeProducts(ctx context.Context, in *api.DescribeProductsRequest) (*api.DescribeProductsResponse, error) {
	region := placeOf(ctx).region
	out := &api.DescribeProductsResponse{Products: []api.Product{}}
	pg, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	for i := range products {
		d := &products[i]
		if in.ProductArn != nil && d.arn(region) != *in.ProductArn || !pg.after(d.ID) {
			continue
		}
		if pg.full(d.ID) {
			out.NextToken = pg.next()
			break
		}
		out.Products = append(out.Products, api.Product{
			ProductArn: d.arn(region), ProductName: &d.Name, CompanyName: &d.Company, Description: &d.Description, Categories: d.Categories,
			IntegrationTypes: []api.IntegrationType{api.IntegrationType_SEND_FINDINGS_TO_SECURITY_HUB},
		})
	}
	return out, nil
}

// EnableImportFindingsForProduct lets a product send findings.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_EnableImportFindingsForProduct.html
func (s *Service) EnableImportFindingsForProduct(ctx context.Context, in *api.EnableImportFindingsForProductRequest) (*api.EnableImportFindingsForProductResponse, error) {
	p := placeOf(ctx)
	d := products.of(in.ProductArn)
	if d == nil || d.arn(p.region) != in.ProductArn {
		return nil, invalid("Invalid parameter 'ProductArn'. There is no product %s.", clip(in.ProductArn))
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.hub(ctx, tx); err != nil {
			return err
		}
		err := s.products.Insert(ctx, tx, p.home()+"/"+d.ID, &subscription{Since: s.now()})
		if errors.Is(err, store.ErrExists) {
			return conflict("Account %s already has enabled product %s", p.account, in.ProductArn)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.EnableImportFindingsForProductResponse{ProductSubscriptionArn: new(p.arn("product-subscription/" + d.ID))}, nil
}

// DisableImportFindingsForProduct takes no more findings of a product.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DisableImportFindingsForProduct.html
func (s *Service) DisableImportFindingsForProduct(ctx context.Context, in *api.DisableImportFindingsForProductRequest) (*api.DisableImportFindingsForProductResponse, error) {
	p := placeOf(ctx)
	id, ok := strings.CutPrefix(in.ProductSubscriptionArn, p.arn("product-subscription/"))
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.hub(ctx, tx); err != nil {
			return err
		}
		key := p.home() + "/" + id
		if !ok || strings.ContainsRune(id, 0) {
			return notFound("Product subscription %s not found", clip(in.ProductSubscriptionArn))
		}
		if _, err := s.products.Get(ctx, tx, key); errors.Is(err, store.ErrNotFound) {
			return notFound("Product subscription %s not found", clip(in.ProductSubscriptionArn))
		} else if err != nil {
			return err
		}
		return s.products.Delete(ctx, tx, key)
	})
	if err != nil {
		return nil, err
	}
	return &api.DisableImportFindingsForProductResponse{}, nil
}

// ListEnabledProductsForImport lists the enabled integrations.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_ListEnabledProductsForImport.html
func (s *Service) ListEnabledProductsForImport(ctx context.Context, in *api.ListEnabledProductsForImportRequest) (*api.ListEnabledProductsForImportResponse, error) {
	if _, err := s.hub(ctx, s.Store); err != nil {
		return nil, err
	}
	p := placeOf(ctx)
	out := &api.ListEnabledProductsForImportResponse{ProductSubscriptions: []string{}}
	var err error
	out.NextToken, err = listPage(ctx, s.Store, &s.products, p.home()+"/", in.MaxResults, in.NextToken, func(id string, _ *subscription) {
		out.ProductSubscriptions = append(out.ProductSubscriptions, p.arn("product-subscription/"+id))
	})
	if err == errToken { // this operation has no InvalidInputException
		err = fault("ValidationException", "%s", errToken.Message)
	}
	return out, err
}
